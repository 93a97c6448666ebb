"""One peer in a process of its own: hears one window of 30 s and prints the median of each part as JSON.

    venv/bin/python workers/bench/runners.py openai-whisper FOLDER RECORDING --threads 2 --tokens 100 --rounds 3

FOLDER is what models.ready() made. A peer is a function that loads its model, converted if it has to be, and
answers with three steps: samples to log-mel, log-mel to what was heard, what was heard to the number of tokens.
Every peer decodes greedily, without timestamps, and is kept from ending the text.
"""

import argparse
import json
import pathlib
import statistics
import time
import wave

import numpy as np

import models

SECONDS = 30
RATE = 16000


def openai_whisper(folder, threads, tokens):
    import torch
    import whisper

    torch.set_num_threads(threads)
    model = whisper.load_model(str(models.converted(folder, "openai.pt", models.write_openai)), device="cpu")
    options = whisper.DecodingOptions(
        language="en", without_timestamps=True, fp16=False, sample_len=tokens, suppress_tokens=[-1, models.END])

    def encode(mel):
        with torch.no_grad():
            return model.embed_audio(mel[None])

    def decode(heard):
        return len(whisper.decode(model, heard[0], options).tokens)

    return whisper.log_mel_spectrogram, encode, decode


def transformers(folder, threads, tokens):
    import torch
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

    torch.set_num_threads(threads)
    model = WhisperForConditionalGeneration.from_pretrained(folder / "hugging-face").eval()
    extractor = WhisperFeatureExtractor.from_pretrained(folder / "hugging-face")
    suppressed = [*model.generation_config.suppress_tokens, models.END]

    def log_mel(samples):
        return extractor(samples, sampling_rate=RATE, return_tensors="pt").input_features

    def encode(mel):
        with torch.no_grad():
            return model.get_encoder()(mel)

    def decode(heard):
        written = model.generate(
            encoder_outputs=heard, language="en", task="transcribe", do_sample=False, suppress_tokens=suppressed,
            max_new_tokens=tokens)
        return written.shape[-1]

    return log_mel, encode, decode


def faster_whisper(precision):
    def load(folder, threads, tokens):
        from faster_whisper import WhisperModel

        def write(part, _shape, _weights):
            models.write_ctranslate2(part, folder / "hugging-face")

        place = models.converted(folder, "ctranslate2", write)
        model = WhisperModel(str(place), device="cpu", compute_type=precision, cpu_threads=threads)

        def log_mel(samples):
            return model.feature_extractor(samples)[:, :100 * SECONDS]

        def decode(heard):
            # Half of max_length is what the library lets a text have.
            written = model.model.generate(
                heard, [models.PROMPT], beam_size=1, max_length=2 * tokens, suppress_tokens=[-1, models.END])
            return len(written[0].sequences_ids[0])

        return log_mel, model.encode, decode

    return load


def whisper_cpp(folder, threads, tokens):
    import _pywhispercpp as library

    # In half precision, as its own models are: whisper.cpp has no convolution in single precision.
    model = models.converted(folder, "ggml-f16.bin", models.write_ggml)
    context = library.whisper_init_from_file_with_params(str(model), library.whisper_context_default_params())

    def succeeded(status):
        if status:
            raise RuntimeError(f"whisper.cpp answers {status}")

    def log_mel(samples):
        succeeded(library.whisper_pcm_to_mel(context, samples, len(samples), threads))

    def encode(_mel):
        succeeded(library.whisper_encode(context, 0, threads))

    def decode(_heard):
        # As many steps, each with all logits; choosing the next token, which is little, is left out.
        for past in range(tokens):
            token = models.PROMPT[past] if past < len(models.PROMPT) else 1000 + past
            succeeded(library.whisper_decode(context, token, 1, past, threads))
        return tokens

    return log_mel, encode, decode


# Name, precision, and what loads it.
PEERS = {
    "openai-whisper": ("f32", openai_whisper),
    "transformers": ("f32", transformers),
    "faster-whisper f32": ("f32", faster_whisper("float32")),
    "faster-whisper int8": ("int8", faster_whisper("int8")),
    "whisper.cpp f16": ("f16", whisper_cpp),
}


def window(recording):
    """The recording's first 30 s, filled up with silence."""
    with wave.open(str(recording)) as file:
        heard = np.frombuffer(file.readframes(SECONDS * RATE), np.int16).astype(np.float32) / 32768
    return np.pad(heard, (0, SECONDS * RATE - len(heard)))


def measured(steps, samples, tokens):
    """The milliseconds of each part, once."""
    log_mel, encode, decode = steps
    times = [time.perf_counter()]
    mel = log_mel(samples)
    times.append(time.perf_counter())
    heard = encode(mel)
    times.append(time.perf_counter())
    written = decode(heard)
    times.append(time.perf_counter())
    if written != tokens:
        raise RuntimeError(f"{written} tokens were decoded in place of {tokens}")
    parts = [1000 * (after - before) for before, after in zip(times, times[1:])]
    return dict(zip(("log_mel_ms", "encoder_ms", "decode_ms", "total_ms"), (*parts, sum(parts))))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("recording", type=pathlib.Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    precision, load = PEERS[arguments.peer]
    steps = load(arguments.folder, arguments.threads, arguments.tokens)
    samples = window(arguments.recording)
    # The first round also allocates, starts threads and picks kernels.
    measured(steps, samples, arguments.tokens)
    rounds = [measured(steps, samples, arguments.tokens) for _ in range(arguments.rounds)]
    medians = {part: statistics.median(times[part] for times in rounds) for part in rounds[0]}
    print(json.dumps({"precision": precision, "threads": arguments.threads, **medians}))


if __name__ == "__main__":
    main()
