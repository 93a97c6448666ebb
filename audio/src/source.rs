//! Opens a source: sniffs it, checks its container and finds the sound track.

use std::io::{Read, SeekFrom};
use std::sync::OnceLock;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
pub use symphonia::core::io::MediaSource;
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase};

use crate::AudioError;
use crate::container;
use crate::format::{AudioFormat, SNIFF_BYTES};

/// A file whose container has been checked, with its first sound track.
pub struct Opened {
    pub format: AudioFormat,
    pub codec: String,
    pub sample_rate_hz: u32,
    pub channels: u16,
    pub parameters: AudioCodecParameters,
    /// Frames that the container promises; `None` when it does not say.
    pub frames_promised: Option<u64>,
    reader: Box<dyn FormatReader>,
    track_id: u32,
    time_base: TimeBase,
}

impl Opened {
    pub fn open(mut source: Box<dyn MediaSource>) -> Result<Self, AudioError> {
        let format = sniff(source.as_mut())?;
        let source = container::check_whole(format, source)?;

        let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
        let reader = symphonia::default::get_probe()
            .probe(
                &Hint::new(),
                stream,
                FormatOptions::default(),
                MetadataOptions::default(),
            )
            .map_err(unprobed)?;
        Self::with_reader(format, reader)
    }

    fn with_reader(format: AudioFormat, reader: Box<dyn FormatReader>) -> Result<Self, AudioError> {
        let track = reader
            .default_track(TrackType::Audio)
            .ok_or(AudioError::AudioNoTrack)?;
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err(AudioError::AudioNoTrack);
        };
        let parameters = parameters.clone();
        let codec = registry()
            .get_audio_decoder(parameters.codec)
            .ok_or(AudioError::AudioNoTrack)?
            .codec
            .info
            .short_name
            .to_owned();
        let sample_rate_hz = parameters
            .sample_rate
            .filter(|rate| *rate > 0)
            .ok_or(AudioError::AudioNoTrack)?;
        let channels = parameters
            .channels
            .as_ref()
            .map_or(1, symphonia::core::audio::Channels::count);
        let time_base = track
            .time_base
            .or_else(|| TimeBase::try_from_recip(sample_rate_hz))
            .ok_or(AudioError::AudioNoTrack)?;
        Ok(Self {
            format,
            codec,
            sample_rate_hz,
            channels: u16::try_from(channels).unwrap_or(u16::MAX),
            frames_promised: frames_promised(format, track),
            track_id: track.id,
            time_base,
            parameters,
            reader,
        })
    }

    /// The next packet of the sound track; `None` at the end.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, AudioError> {
        loop {
            match self.reader.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track_id => return Ok(Some(packet)),
                Ok(Some(_)) => {}
                Err(SymphoniaError::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Err(AudioError::AudioCutOff {
                        expected_ms: None,
                        found_ms: None,
                    });
                }
                Err(SymphoniaError::IoError(error)) => return Err(AudioError::AudioReadFailed(error)),
                // `ResetRequired`: a second stream is chained behind; what came before is the recording.
                Ok(None) | Err(SymphoniaError::ResetRequired) => return Ok(None),
                Err(error) => {
                    return Err(AudioError::AudioDamaged {
                        reason: error.to_string(),
                    });
                }
            }
        }
    }

    pub fn decoder(&self) -> Result<Box<dyn AudioDecoder>, AudioError> {
        registry()
            .make_audio_decoder(&self.parameters, &AudioDecoderOptions::default())
            .map_err(|_| AudioError::AudioNoTrack)
    }

    /// Milliseconds that `ticks` of the track's time base last.
    pub fn milliseconds(&self, ticks: u64) -> u64 {
        let time = self.time_base.calc_duration_saturating(Duration::new(ticks));
        u64::try_from(time.as_millis()).unwrap_or(0)
    }
}

/// The demuxer did not take the file: what it was sniffed as, it is not.
fn unprobed(error: SymphoniaError) -> AudioError {
    if let SymphoniaError::IoError(io) = error
        && io.kind() != std::io::ErrorKind::UnexpectedEof
    {
        return AudioError::AudioReadFailed(io);
    }
    AudioError::AudioNotRecognised
}

/// FLAC's header and MP3's Xing header count the frames; the other containers are checked by their structure.
fn frames_promised(format: AudioFormat, track: &Track) -> Option<u64> {
    match format {
        AudioFormat::Flac | AudioFormat::Mp3 => track.num_frames.filter(|frames| *frames > 0),
        AudioFormat::Wav | AudioFormat::Ogg | AudioFormat::M4a => None,
    }
}

fn sniff(source: &mut dyn MediaSource) -> Result<AudioFormat, AudioError> {
    let mut head = Vec::with_capacity(SNIFF_BYTES);
    source.seek(SeekFrom::Start(0))?;
    source
        .take(SNIFF_BYTES.try_into().unwrap_or(u64::MAX))
        .read_to_end(&mut head)?;
    if head.is_empty() {
        return Err(AudioError::AudioEmpty);
    }
    AudioFormat::sniff(&head).ok_or(AudioError::AudioNotRecognised)
}

/// Symphonia's decoders and libopus, which symphonia lacks.
fn registry() -> &'static CodecRegistry {
    static REGISTRY: OnceLock<CodecRegistry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        let mut registry = CodecRegistry::new();
        symphonia::default::register_enabled_codecs(&mut registry);
        registry.register_audio_decoder::<symphonia_adapter_libopus::OpusDecoder>();
        registry
    })
}
