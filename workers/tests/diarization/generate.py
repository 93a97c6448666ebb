"""Writes talks of espeak-ng voices and who speaks when in them, from a seed.

    python3 -m venv venv
    venv/bin/pip install espeakng-loader==0.2.4 numpy==2.4.6 soundfile==0.14.0
    venv/bin/python workers/tests/diarization/generate.py FOLDER --seed 7 --voices 2 --talks 10

Each talk is `FOLDER/NAME.opus` beside `FOLDER/NAME.rttm`. The talks in `talks/` are those of

    generate.py talks --seed 2025 --voices 1 --talks 1 --seconds 30
    generate.py talks --seed 2025 --voices 2 --talks 4
    generate.py talks --seed 2025 --voices 3 --talks 4

A talk's voices have an accent, a variant, a pitch, a speed and a loudness each. They take turns of one to three
phrases of one to ten random words. No two voices of a talk have the same variant; their pitch may be the same. White
or pink noise lies 10 to 40 dB below the speech; half of the talks are heard in a room, a quarter by telephone. In the
reference a pause shorter than 0.3 s is part of the turn.
"""

import argparse
import ctypes
import pathlib
import random

import espeakng_loader
import numpy
import soundfile

RATE = 16_000
PAUSE_SECONDS = 0.3
ACCENTS = ["en", "en-us", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-029", "en-us-nyc"]
VARIANTS = (
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 adam Alex Alicia Andrea Annie antonio aunty belinda benjamin boris "
    "caleb david Denis Diogo ed edward Gene grandma grandpa gustave Hugo iven Jacky john klatt klatt2 Lee linda "
    "marcelo Marco Mario max Michael michel miguel mike Nguyen norbert pablo paul pedro quincy rob robert sandro "
    "shelby steph travis victor Zac"
).split()
WORDS = (
    "about after again air all always answer any around ask autumn back bag ball bank beach because before begin "
    "better between big bird black blue boat book both bread bridge bring brother build busy buy call careful chair "
    "change cheap child choose church city clean clear clock close cloud coffee cold come corner could country cup "
    "dance dark daughter day deep different dinner door down dream drive early earth easy eat eight empty enough "
    "evening every eye face fall family far fast father feel field find fire first five floor flower follow food "
    "forest four fresh friend from full garden give glass good great green ground group half hand happy hard have "
    "head hear heavy help here high hill home hope horse hour house how hundred husband idea into island job join "
    "journey judge juice jump just keep key kitchen know lake language large last late laugh learn leave left letter "
    "light listen little live long look love lunch machine make many market may meet middle milk minute money month "
    "moon morning mother mountain move much music must name near never new next night nine north number ocean offer "
    "office often old once one open orange other over own page paper park people perhaps picture place plan play "
    "please point poor power pretty question quick quiet rain reach read ready really red remember rest rice right "
    "river road room round run sad same school sea second see seven ship shop short should show side simple sister "
    "sit six sleep slow small snow some song soon south speak spring stand star start station stay stone story "
    "street strong student sugar summer sun sure table take talk teacher tell ten thank that there thing think three "
    "through ticket time today together tomorrow town train travel tree true try turn twelve twenty two under until "
    "usual valley very village visit voice wait walk wall warm wash watch water way wear weather week well west what "
    "wheel when where which white why wife wind window winter wish with woman wonder wood word work world would write "
    "year yellow yes yesterday young zero"
).split()


class Synthesizer:
    """espeak-ng's library, which calls back with samples."""

    RETRIEVAL, RATE_PARAMETER, PITCH_PARAMETER, UTF8 = 1, 1, 3, 1

    def __init__(self):
        self.library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = str(espeakng_loader.get_data_path()).encode()
        self.rate = self.library.espeak_Initialize(self.RETRIEVAL, 0, data, 0)
        if self.rate <= 0:
            raise SystemExit("espeak-ng does not find its data: install espeakng-loader again")
        self.heard = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self.callback = kind(self._hear)
        self.library.espeak_SetSynthCallback(self.callback)

    def _hear(self, samples, count, _events):
        if samples and count > 0:
            self.heard.append(numpy.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def speak(self, voice, text):
        """Samples at 16 kHz without the silence around them, with a mean power of 1."""
        name = f"{voice['accent']}+{voice['variant']}"
        if self.library.espeak_SetVoiceByName(name.encode()) != 0:
            raise SystemExit(f"espeak-ng has no voice {name}: install the version named above")
        self.library.espeak_SetParameter(self.RATE_PARAMETER, voice["speed"], 0)
        self.library.espeak_SetParameter(self.PITCH_PARAMETER, voice["pitch"], 0)
        self.heard.clear()
        text = text.encode()
        self.library.espeak_Synth(text, len(text) + 1, 0, 1, 0, self.UTF8, None, None)
        self.library.espeak_Synchronize()
        samples = numpy.concatenate(self.heard).astype(numpy.float64)
        loud = numpy.flatnonzero(numpy.abs(samples) > 0.01 * numpy.abs(samples).max())
        samples = resample(samples[loud[0] : loud[-1] + 1], self.rate)
        return samples / numpy.sqrt(numpy.mean(samples**2))


def resample(samples, rate):
    """To 16 kHz, by cutting the spectrum off at 8 kHz."""
    length = len(samples) * RATE // rate
    return numpy.fft.irfft(numpy.fft.rfft(samples)[: length // 2 + 1], length) * length / len(samples)


def noise(length, random_numbers):
    """White or pink noise with a mean power of 1."""
    spectrum = numpy.fft.rfft(random_numbers.standard_normal(length))
    slope = random_numbers.choice([0.0, 0.5])
    spectrum /= numpy.maximum(1.0, numpy.arange(len(spectrum))) ** slope
    samples = numpy.fft.irfft(spectrum, length)
    return samples / numpy.sqrt(numpy.mean(samples**2))


def heard_in_a_room(samples, random_numbers, decay_seconds):
    """With an echo of noise that loses 60 dB in the time of decay, 3 dB below the voice."""
    times = numpy.arange(int(decay_seconds * RATE)) / RATE
    echo = random_numbers.standard_normal(len(times)) * 10 ** (-3 * times / decay_seconds)
    echo *= numpy.sqrt(0.5 / numpy.sum(echo**2))
    echo[0] = 1.0
    length = len(samples) + len(echo)
    return numpy.fft.irfft(numpy.fft.rfft(samples, length) * numpy.fft.rfft(echo, length), length)[: len(samples)]


def heard_by_telephone(samples):
    """Only from 300 Hz to 3.4 kHz."""
    spectrum = numpy.fft.rfft(samples)
    hertz = numpy.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 3400)] *= 0.01
    return numpy.fft.irfft(spectrum, len(samples))


def draw_voices(count, draw):
    variants = draw.sample(VARIANTS, count)
    return [
        {
            "accent": draw.choice(ACCENTS),
            "variant": variant,
            "pitch": draw.randint(20, 80),
            "speed": draw.randint(120, 210),
            "gain": 10 ** (draw.uniform(-4, 4) / 20),
        }
        for variant in variants
    ]


def talk(synthesizer, voices, seconds, draw):
    """Samples, and (voice, first sample, end) of every phrase."""
    pieces, phrases, at, speaker = [], [], 0, 0

    def silence(length_seconds):
        nonlocal at
        pieces.append(numpy.zeros(int(length_seconds * RATE)))
        at += len(pieces[-1])

    silence(draw.uniform(0.2, 1.5))
    while at < seconds * RATE:
        for _ in range(draw.randint(1, 3)):
            text = " ".join(draw.choices(WORDS, k=draw.randint(1, 10)))
            samples = synthesizer.speak(voices[speaker], text) * voices[speaker]["gain"]
            pieces.append(samples)
            phrases.append((speaker, at, at + len(samples)))
            at += len(samples)
            silence(draw.uniform(0.05, 0.45))
        silence(draw.choice([0.0, 0.2, 0.6, 1.5, 4.0]))
        others = [each for each in range(len(voices)) if each != speaker or len(voices) == 1]
        speaker = draw.choice(others)
    silence(draw.uniform(0.0, 1.0))
    return numpy.concatenate(pieces), phrases


def turns(phrases):
    """Phrases of one voice with a short pause between them are one turn."""
    joined = []
    for speaker, start, end in phrases:
        if joined and joined[-1][0] == speaker and start - joined[-1][2] < PAUSE_SECONDS * RATE:
            joined[-1][2] = end
        else:
            joined.append([speaker, start, end])
    return joined


def main():
    parser = argparse.ArgumentParser(description="Writes talks of espeak-ng voices and who speaks when in them.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--voices", type=int, default=2)
    parser.add_argument("--talks", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=55.0)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    synthesizer = Synthesizer()
    for number in range(arguments.talks):
        seed = f"{arguments.seed}-{arguments.voices}-{number}"
        draw, random_numbers = random.Random(seed), numpy.random.default_rng([arguments.seed, arguments.voices, number])
        voices = draw_voices(arguments.voices, draw)
        samples, phrases = talk(synthesizer, voices, arguments.seconds, draw)
        decay, snr, telephone = draw.choice([0.0, 0.0, 0.2, 0.4]), draw.uniform(10, 40), draw.random() < 0.25
        if decay > 0:
            samples = heard_in_a_room(samples, random_numbers, decay)
        samples = samples + noise(len(samples), random_numbers) * 10 ** (-snr / 20)
        if telephone:
            samples = heard_by_telephone(samples)
        samples *= 0.6 / numpy.abs(samples).max()
        name = f"voices-{seed}"
        path = arguments.folder / f"{name}.opus"
        soundfile.write(path, samples, RATE, format="OGG", subtype="OPUS", compression_level=0.96)
        lines = [
            f"SPEAKER {name} 1 {start / RATE:.3f} {(end - start) / RATE:.3f} <NA> <NA> voice-{speaker} <NA> <NA>\n"
            for speaker, start, end in turns(phrases)
        ]
        path.with_suffix(".rttm").write_text("".join(lines))
        described = ", ".join(f"{v['accent']}+{v['variant']} pitch {v['pitch']} speed {v['speed']}" for v in voices)
        heard = f"noise {snr:.0f} dB, decay {decay} s{', telephone' if telephone else ''}"
        print(f"{name}: {len(samples) / RATE:.0f} s, {heard}, {described}")


if __name__ == "__main__":
    main()
