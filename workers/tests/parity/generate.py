#!/usr/bin/env python3
"""Writes parity data with the Python reference, for networks of any shape and seed, or for a model folder.

    python3 -m venv venv && venv/bin/pip install openai-whisper==20250625 safetensors
    venv/bin/python workers/tests/parity/generate.py shapes > workers/tests/parity/shapes.json
    venv/bin/python workers/tests/parity/generate.py small > workers/tests/parity/small.json
    venv/bin/python workers/tests/parity/generate.py shape --seed 7 --width 384 --heads 6 --layers 4 4

`shapes` runs the networks of SHAPES on random weights that follow from the tensors' names and a seed (weights.rs
makes the same ones), `shape` one of your own, `small` the model in models/small on its recordings. All use the
byte-pair ranks of models/small: the reference's own vocabularies add nothing but size.
"""

import argparse
import base64
import io
import json
import math
import pathlib
import wave

import numpy as np
import tiktoken
import torch
import whisper
from safetensors.torch import load_file
from whisper import decoding, model, tokenizer, utils

ROOT = pathlib.Path(__file__).resolve().parents[3]
SMALL = ROOT / "models/small"
NAMES = [
    ("model.encoder.embed_positions.weight", "encoder.positional_embedding"),
    ("model.decoder.embed_positions.weight", "decoder.positional_embedding"),
    ("embed_tokens", "token_embedding"), ("model.encoder.layer_norm", "encoder.ln_post"),
    ("model.decoder.layer_norm", "decoder.ln"), ("encoder_attn_layer_norm", "cross_attn_ln"),
    ("self_attn_layer_norm", "attn_ln"), ("final_layer_norm", "mlp_ln"), ("encoder_attn", "cross_attn"),
    ("self_attn", "attn"), ("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value"), ("out_proj", "out"),
    ("fc1", "mlp.0"), ("fc2", "mlp.2"), ("layers", "blocks"), ("model.", ""),
]
# Seed, mels, width, heads, encoder and decoder layers, languages (0: English only).
SHAPES = {
    "english": (1, 80, 32, 2, 2, 2, 0),
    "multilingual_v2": (2, 80, 32, 2, 2, 3, 99),
    "multilingual_v3": (3, 128, 48, 3, 2, 2, 100),
    "turbo": (4, 128, 32, 2, 4, 1, 100),
    "distilled": (5, 80, 32, 4, 3, 2, 99),
}


def random_weights(seed, mels, width, heads, encoder_layers, decoder_layers, vocabulary):
    """All tensors by Hugging Face's names; weights.rs says where the numbers come from."""
    made = {}

    def add(name, shape, std, mean=0.0, scale=1.0):
        key = f"{seed}/{name}" if seed else name
        start = 0xCBF29CE484222325
        for byte in key.encode():
            start = (start ^ byte) * 0x100000001B3 % 2**64
        count = np.arange(1, math.prod(shape) + 1, dtype=np.uint64)
        mixed = np.uint64(start) + count * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        uniform = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / 2.0**53
        values = scale * (mean + std * math.sqrt(3.0) * (2.0 * uniform - 1.0))
        made[name] = torch.from_numpy(values.astype(np.float32).reshape(shape))

    def norm(name, scale=1.0):
        add(f"{name}.weight", (width,), 0.1, 1.0, scale)
        add(f"{name}.bias", (width,), 0.1, 0.0, scale)

    def linear(name, outputs, inputs, gain, bias=True):
        add(f"{name}.weight", (outputs, inputs), gain / math.sqrt(inputs))
        if bias:
            add(f"{name}.bias", (outputs,), 0.1)

    def block(name, attentions):
        for attention in attentions:
            for part, gain in (("q_proj", 1.6), ("k_proj", 1.6), ("v_proj", 1.2), ("out_proj", 2.5)):
                linear(f"{name}.{attention}.{part}", width, width, gain, part != "k_proj")
            norm(f"{name}.{attention}_layer_norm")
        linear(f"{name}.fc1", 4 * width, width, 1.0)
        linear(f"{name}.fc2", width, 4 * width, 1.0)
        norm(f"{name}.final_layer_norm")

    for name, inputs in (("conv1", mels), ("conv2", width)):
        add(f"model.encoder.{name}.weight", (width, inputs, 3), 1.5 / math.sqrt(3 * inputs))
        add(f"model.encoder.{name}.bias", (width,), 0.1)
    made["model.encoder.embed_positions.weight"] = model.sinusoids(1500, width)
    for layer in range(encoder_layers):
        block(f"model.encoder.layers.{layer}", ["self_attn"])
    for layer in range(decoder_layers):
        block(f"model.decoder.layers.{layer}", ["self_attn", "encoder_attn"])
    norm("model.encoder.layer_norm")
    norm("model.decoder.layer_norm", 4.0)
    add("model.decoder.embed_tokens.weight", (vocabulary, width), 0.1)
    add("model.decoder.embed_positions.weight", (448, width), 0.5)
    return made


def use_vocabulary(languages):
    """Makes the reference take the ranks of models/small and this many languages (0: English only)."""
    lines = (SMALL / "micro.tiktoken").read_text().split("\n")
    ranks = {base64.b64decode(a): int(b) for a, b in (line.split() for line in lines if line)}
    names = list(tokenizer.LANGUAGES)[: languages or 99]
    special = ["endoftext", "startoftranscript", *names, "translate", "transcribe", "startoflm", "startofprev",
               "nospeech", "notimestamps", *(f"{i * 0.02:.2f}" for i in range(1501))]
    ids = {f"<|{name}|>": len(ranks) + place for place, name in enumerate(special)}
    pattern = tokenizer.get_encoding("gpt2")._pat_str
    encoding = tiktoken.Encoding("micro", explicit_n_vocab=len(ranks) + len(ids), pat_str=pattern,
                                 mergeable_ranks=ranks, special_tokens=ids)
    tokenizer.get_tokenizer.cache_clear()
    tokenizer.get_encoding = lambda name="", num_languages=0: encoding
    model.Whisper.is_multilingual = property(lambda self: languages > 0)
    model.Whisper.num_languages = property(lambda self: languages or 99)
    return encoding.n_vocab


def build(tensors, heads, layers, mels):
    """The reference's network with these tensors."""
    vocabulary, width = tensors["model.decoder.embed_tokens.weight"].shape
    dims = whisper.ModelDimensions(mels, 1500, width, heads, layers[0], vocabulary, 448, width, heads, layers[1])
    network = whisper.Whisper(dims)
    renamed = {}
    for name, tensor in tensors.items():
        for old, new in NAMES:
            name = name.replace(old, new)
        renamed[name] = tensor.float()
    network.load_state_dict(renamed)
    return network.eval()


def samples(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768.0


def plain(value):
    """numpy's numbers as Python's, for JSON."""
    return value.item() if isinstance(value, np.generic) else value


def transcribed(network, audio, **options):
    result = whisper.transcribe(network, audio, fp16=False, **options)
    return {"options": options, **result}


def shape(seed, mels, width, heads, encoder_layers, decoder_layers, languages):
    vocabulary = use_vocabulary(languages)
    layers = (encoder_layers, decoder_layers)
    network = build(random_weights(seed, mels, width, heads, *layers, vocabulary), heads, layers, mels)
    audio = samples(SMALL / "recordings/talk.wav")
    mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(audio), mels)
    with torch.no_grad():
        heard = network.encoder(mel[None])
        start = tokenizer.get_tokenizer(languages > 0, num_languages=languages or 99, language="de", task="translate")
        logits = network.decoder(torch.tensor([start.sot_sequence]), heard)[0, -1]
    language = {} if not languages else decoding.detect_language(network, mel)[1]
    probable = sorted(language, key=language.get, reverse=True)[:5]
    common = {"language": "de" if languages else "en", "temperature": 0.0, "sample_len": 20}
    clip = {**common, "clip_timestamps": "0,6", "logprob_threshold": None}
    return {
        "seed": seed, "languages": languages,
        "config": {
            "vocab_size": vocabulary, "d_model": width, "encoder_layers": layers[0], "decoder_layers": layers[1],
            "encoder_attention_heads": heads, "decoder_attention_heads": heads, "num_mel_bins": mels,
            "max_source_positions": 1500, "max_target_positions": 448,
        },
        "sot_sequence": list(start.sot_sequence),
        "encoder": heard[0, ::300, :4].flatten().tolist(),
        "logits": logits.tolist(),
        "language": {code: language[code] for code in probable},
        "transcribe": {
            "greedy": transcribed(network, audio, **clip),
            "beam": transcribed(network, audio, **clip, beam_size=5, patience=1.5, length_penalty=0.7),
            "words": transcribed(network, audio, **clip, word_timestamps=True),
            "prompt": transcribed(network, audio, **clip, initial_prompt="seven play", prefix="red milk"),
            "suppress": transcribed(network, audio, **clip, suppress_tokens="-1,300,301,302"),
        },
    }


SMALL_CASES = {
    "talk.wav": {
        "default": {},
        "words": {"word_timestamps": True},
        "words_ja": {"word_timestamps": True, "language": "ja"},
        "words_punctuation": {"word_timestamps": True, "prepend_punctuations": " t", "append_punctuations": "e"},
        "patient": {"beam_size": 3, "patience": 2.0, "length_penalty": 0.0},
        "one_beam": {"beam_size": 1, "patience": 3.0},
        "clips": {"clip_timestamps": "0.5,4,1,9", "word_timestamps": True},
        "bare": {"without_timestamps": True, "suppress_blank": False, "suppress_tokens": ""},
    },
    "gap": {
        "words": {"word_timestamps": True},
        "silence": {"word_timestamps": True, "hallucination_silence_threshold": 0.3},
        "silence_long": {"word_timestamps": True, "hallucination_silence_threshold": 2.0, "no_speech_threshold": None},
        "carried": {"initial_prompt": "play tea today", "carry_initial_prompt": True},
        "alone": {"condition_on_previous_text": False, "initial_prompt": "play tea today"},
        "late": {"max_initial_timestamp": None, "task": "translate"},
    },
    "speech-4.wav": {"words": {"word_timestamps": True}},
}
SUBTITLES = {
    "plain": {},
    "highlighted": {"highlight_words": True},
    "narrow": {"max_line_width": 16, "max_line_count": 2},
    "lines": {"max_line_width": 12},
    "few_words": {"max_words_per_line": 2},
}


def files(result, **options):
    written = {}
    for extension in ("txt", "vtt", "srt", "tsv"):
        file = io.StringIO()
        utils.get_writer(extension, ".").write_result(result, file=file, **options)
        written[extension] = file.getvalue()
    return written


def small():
    use_vocabulary(99)
    network = build(load_file(SMALL / "model.safetensors"), 2, (3, 2), 80)
    talk = samples(SMALL / "recordings/talk.wav")
    # Speech, half a minute that is not quite silent, speech: text may be made up in between.
    faint = np.where(np.arange(30 * 16000) % 7 == 0, 0.001, -0.0005).astype(np.float32)
    gap = np.concatenate([talk[:64000], faint, talk[64000:128000]])
    found = {}
    for name, cases in SMALL_CASES.items():
        audio = gap if name == "gap" else samples(SMALL / "recordings" / name)
        found[name] = {
            case: transcribed(network, audio, **{"temperature": 0.0, "language": "en", **options})
            for case, options in cases.items()
        }
    words, without = found["talk.wav"]["words"], found["talk.wav"]["default"]
    subtitles = {case: {"options": options, "files": files(words, **options)} for case, options in SUBTITLES.items()}
    subtitles["segments"] = {"options": {}, "files": files(without)}
    return {"transcribe": found, "subtitles": subtitles}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("shapes")
    commands.add_parser("small")
    own = commands.add_parser("shape")
    own.add_argument("--seed", type=int, default=0)
    own.add_argument("--mels", type=int, default=80, choices=(80, 128))
    own.add_argument("--width", type=int, default=64)
    own.add_argument("--heads", type=int, default=4)
    own.add_argument("--layers", type=int, nargs=2, default=(2, 2), help="of the encoder and of the decoder")
    own.add_argument("--languages", type=int, default=99, help="0 for English only")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.command == "small":
        data = small()
    elif arguments.command == "shapes":
        data = {name: shape(*numbers) for name, numbers in SHAPES.items()}
    else:
        data = {"own": shape(arguments.seed, arguments.mels, arguments.width, arguments.heads, *arguments.layers,
                             arguments.languages)}
    versions = {"openai_whisper": whisper.__version__, "torch": torch.__version__}
    print(json.dumps({"generator": versions, **data}, indent=1, ensure_ascii=False, default=plain))


if __name__ == "__main__":
    main()
