"""Random-weight models of Whisper's own shapes, the same numbers in the format of every peer.

The vocabulary is the multilingual one, from the ranks that the parity tests keep.
"""

import base64
import dataclasses
import gzip
import hashlib
import json
import math
import pathlib
import shutil
import struct

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARITY = ROOT / "workers/tests/parity"
# A tokenizer's special tokens begin here: end, start, 99 languages, six for the task, 1,501 timestamps.
END = 50257
START, ENGLISH, TRANSCRIBE, NO_TIMESTAMPS = 50258, 50259, 50359, 50363
VOCABULARY = 51865
PROMPT = [START, ENGLISH, TRANSCRIBE, NO_TIMESTAMPS]
# OpenAI's names, which whisper.cpp uses too, in place of Hugging Face's; the order matters.
OPENAI_NAMES = [
    ("model.", ""), ("encoder.embed_positions.weight", "encoder.positional_embedding"),
    ("decoder.embed_positions.weight", "decoder.positional_embedding"), ("embed_tokens", "token_embedding"),
    ("encoder.layer_norm", "encoder.ln_post"), ("decoder.layer_norm", "decoder.ln"), ("layers", "blocks"),
    ("encoder_attn", "cross_attn"), ("self_attn", "attn"), ("attn_layer_norm", "attn_ln"),
    ("final_layer_norm", "mlp_ln"), ("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value"),
    ("out_proj", "out"), ("fc1", "mlp.0"), ("fc2", "mlp.2"),
]


@dataclasses.dataclass(frozen=True)
class Shape:
    """Encoder and decoder have as many layers and heads."""

    width: int
    heads: int
    layers: int
    mels: int = 80


SHAPES = {"tiny": Shape(384, 6, 4), "base": Shape(512, 8, 6)}


# ---- weights ----------------------------------------------------------------------------------


def sinusoids(length, width):
    steps = np.arange(width // 2) * (math.log(10_000) / (width // 2 - 1))
    angles = np.arange(length)[:, None] * np.exp(-steps)[None, :]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


def random_weights(shape, seed):
    """All tensors by Hugging Face's names; every layer keeps the size of what it is given."""
    random = np.random.default_rng(seed)
    made = {}

    def add(name, size, spread, mean=0.0):
        made[name] = random.normal(mean, spread, size).astype(np.float32)

    def linear(name, outputs, inputs, bias=True):
        add(f"{name}.weight", (outputs, inputs), 1 / math.sqrt(inputs))
        if bias:
            add(f"{name}.bias", outputs, 0.02)

    def norm(name):
        add(f"{name}.weight", shape.width, 0.02, 1.0)
        add(f"{name}.bias", shape.width, 0.02)

    def block(name, attentions):
        for attention in attentions:
            for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
                linear(f"{name}.{attention}.{part}", shape.width, shape.width, part != "k_proj")
            norm(f"{name}.{attention}_layer_norm")
        linear(f"{name}.fc1", 4 * shape.width, shape.width)
        linear(f"{name}.fc2", shape.width, 4 * shape.width)
        norm(f"{name}.final_layer_norm")

    for name, inputs in (("conv1", shape.mels), ("conv2", shape.width)):
        add(f"model.encoder.{name}.weight", (shape.width, inputs, 3), 1 / math.sqrt(3 * inputs))
        add(f"model.encoder.{name}.bias", shape.width, 0.02)
    made["model.encoder.embed_positions.weight"] = sinusoids(1500, shape.width)
    add("model.decoder.embed_tokens.weight", (VOCABULARY, shape.width), 0.05)
    add("model.decoder.embed_positions.weight", (448, shape.width), 0.05)
    for layer in range(shape.layers):
        block(f"model.encoder.layers.{layer}", ["self_attn"])
        block(f"model.decoder.layers.{layer}", ["self_attn", "encoder_attn"])
    norm("model.encoder.layer_norm")
    norm("model.decoder.layer_norm")
    return made


def openai_name(name):
    for old, new in OPENAI_NAMES:
        name = name.replace(old, new)
    return name


# ---- the vocabulary ---------------------------------------------------------------------------


def text_tokens():
    """The bytes of every text token in the order of the ids."""
    lines = gzip.decompress((PARITY / "multilingual.tiktoken.gz").read_bytes()).decode().split("\n")
    return [base64.b64decode(line.split()[0]) for line in lines if line]


def special_tokens():
    """The names of the special tokens but for the timestamps, in the order of the ids."""
    languages = json.loads((ROOT / "models/small/generation_config.json").read_text())["lang_to_id"]
    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    return ["<|endoftext|>", "<|startoftranscript|>", *languages, *(f"<|{task}|>" for task in tasks)]


def non_speech_tokens():
    return json.loads((PARITY / "golden.json").read_text())["tokens"]["non_speech_tokens"]


def spelling():
    """The character that stands for each byte in a byte-level vocabulary: itself if it can be seen."""
    seen = {*range(33, 127), *range(161, 173), *range(174, 256)}
    unseen = [byte for byte in range(256) if byte not in seen]
    return [chr(byte) if byte in seen else chr(256 + unseen.index(byte)) for byte in range(256)]


def halves(token, ranks):
    """The two pieces that byte-pair encoding joins last to make this token."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        joined = [ranks.get(left + right, math.inf) for left, right in zip(parts, parts[1:])]
        place = joined.index(min(joined))
        parts[place:place + 2] = [parts[place] + parts[place + 1]]
    return parts


def tokenizer():
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens, spelled = text_tokens(), spelling()
    ranks = {token: rank for rank, token in enumerate(tokens)}

    def text(token):
        return "".join(spelled[byte] for byte in token)

    vocabulary = {text(token): rank for token, rank in ranks.items()}
    merges = [tuple(map(text, halves(token, ranks))) for token in tokens if len(token) > 1]
    made = Tokenizer(models.BPE(vocabulary, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in special_tokens()])
    return made


# ---- formats ----------------------------------------------------------------------------------


def write_hugging_face(folder, shape, weights):
    from safetensors.numpy import save_file

    special = special_tokens()
    ids = {name: END + place for place, name in enumerate(special)}
    common = {
        "bos_token_id": END, "eos_token_id": END, "pad_token_id": END, "decoder_start_token_id": START,
        "suppress_tokens": non_speech_tokens(), "begin_suppress_tokens": [220, END],
    }
    config = {
        **common, "model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"],
        "vocab_size": VOCABULARY, "d_model": shape.width, "encoder_layers": shape.layers,
        "decoder_layers": shape.layers, "encoder_attention_heads": shape.heads,
        "decoder_attention_heads": shape.heads, "encoder_ffn_dim": 4 * shape.width,
        "decoder_ffn_dim": 4 * shape.width, "num_mel_bins": shape.mels, "max_source_positions": 1500,
        "max_target_positions": 448, "activation_function": "gelu", "is_encoder_decoder": True,
        "scale_embedding": False, "tie_word_embeddings": True, "torch_dtype": "float32",
    }
    generation = {
        **common, "is_multilingual": True, "lang_to_id": {name: ids[name] for name in special[2:101]},
        "task_to_id": {"translate": TRANSCRIBE - 1, "transcribe": TRANSCRIBE},
        "no_timestamps_token_id": NO_TIMESTAMPS,
    }
    heard = {
        "feature_extractor_type": "WhisperFeatureExtractor", "feature_size": shape.mels, "hop_length": 160,
        "n_fft": 400, "chunk_length": 30, "sampling_rate": 16000, "padding_value": 0.0,
    }
    written = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": special[0], "bos_token": special[0],
               "unk_token": special[0]}
    folder.mkdir(parents=True)
    for name, content in (("config", config), ("generation_config", generation),
                          ("preprocessor_config", heard), ("tokenizer_config", written)):
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1))
    tokenizer().save(str(folder / "tokenizer.json"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def write_openai(file, shape, weights):
    import torch

    dims = {
        "n_mels": shape.mels, "n_audio_ctx": 1500, "n_audio_state": shape.width, "n_audio_head": shape.heads,
        "n_audio_layer": shape.layers, "n_vocab": VOCABULARY, "n_text_ctx": 448, "n_text_state": shape.width,
        "n_text_head": shape.heads, "n_text_layer": shape.layers,
    }
    tensors = {openai_name(name): torch.from_numpy(array) for name, array in weights.items()}
    torch.save({"dims": dims, "model_state_dict": tensors}, file)


def write_ctranslate2(folder, hugging_face):
    from ctranslate2.converters import TransformersConverter

    files = ["tokenizer.json", "preprocessor_config.json"]
    TransformersConverter(str(hugging_face), copy_files=files).convert(str(folder))


def write_ggml(file, shape, weights):
    """As whisper.cpp reads it, matrices in half precision."""
    from transformers.audio_utils import mel_filter_bank

    filters = mel_filter_bank(201, shape.mels, 0.0, 8000.0, 16000, norm="slaney", mel_scale="slaney").T
    sizes = [VOCABULARY, 1500, shape.width, shape.heads, shape.layers, 448, shape.width, shape.heads,
             shape.layers, shape.mels, 1]
    tokens = text_tokens()
    with file.open("wb") as out:
        out.write(struct.pack("<12i", 0x67676D6C, *sizes))
        out.write(struct.pack("<2i", *filters.shape) + filters.astype("<f4").tobytes())
        out.write(struct.pack("<i", len(tokens)))
        for token in tokens:
            out.write(struct.pack("<i", len(token)) + token)
        for name, array in weights.items():
            name = openai_name(name)
            if name.endswith(("conv1.bias", "conv2.bias")):
                array = array[:, None]
            halved = name.endswith("weight") and array.ndim > 1
            sides = array.shape[::-1]
            out.write(struct.pack(f"<3i{len(sides)}i", len(sides), len(name), int(halved), *sides))
            out.write(name.encode() + array.astype("<f2" if halved else "<f4").tobytes())


# ---- what is on the disk ----------------------------------------------------------------------


def ready(folder, name, seed):
    """The folder of a shape with its model in Hugging Face's format, made anew if this file has changed."""
    place = folder / name
    recipe = f"{seed} {hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()}"
    stamp = place / "recipe"
    if not stamp.is_file() or stamp.read_text() != recipe:
        shutil.rmtree(place, ignore_errors=True)
        write_hugging_face(place / "hugging-face", SHAPES[name], random_weights(SHAPES[name], seed))
        stamp.write_text(recipe)
    return place


def converted(place, name, write):
    """A file or folder beside the Hugging Face model; `write` gets its path, the shape and the weights."""
    from safetensors.numpy import load_file

    target = place / name
    if not target.exists():
        part = place / f"{name}.part"
        if part.is_dir():
            shutil.rmtree(part)
        write(part, SHAPES[place.name], load_file(place / "hugging-face/model.safetensors"))
        part.rename(target)
    return target
