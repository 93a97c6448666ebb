//! Writes a `TorchScript` file: a zip archive, not compressed, of the program's source and its pickled module.

use flate2::Crc;

/// A file of a module `Voice` with the given attributes (all of them floats that begin with 0) and methods.
pub fn archive(attributes: &[&str], methods: &str) -> Vec<u8> {
    let mut source = String::from("class Voice(Module):\n  __parameters__ = []\n  __buffers__ = []\n");
    for name in attributes {
        source.extend(["  ", name, " : float\n"]);
    }
    source.push_str(methods);
    zip(&[
        ("voice/data.pkl", &module(attributes)),
        ("voice/code/__torch__.py", source.as_bytes()),
        // An empty tuple.
        ("voice/constants.pkl", b"\x80\x02)."),
        ("voice/version", b"3\n"),
    ])
}

/// Python's pickle, version 2, of the module.
fn module(attributes: &[&str]) -> Vec<u8> {
    let mut pickle = b"\x80\x02c__torch__\nVoice\n)\x81}(".to_vec();
    for name in attributes {
        pickle.push(b'X');
        pickle.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
        pickle.extend(name.as_bytes());
        pickle.push(b'G');
        pickle.extend(0.0_f64.to_be_bytes());
    }
    pickle.extend(b"ub.");
    pickle
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut crc = Crc::new();
        crc.update(bytes);
        let size = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        // Version, flags, method, time and date; then the checksum, both sizes, and the lengths of the name and
        // of what else there is.
        let mut about = [20_u16, 0, 0, 0, 0].map(u16::to_le_bytes).concat();
        about.extend(crc.sum().to_le_bytes());
        about.extend([size, size].concat());
        about.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        about.extend([0, 0]);
        let offset = u32::try_from(archive.len()).unwrap();
        directory.extend([b"PK\x01\x02\x14\x00", about.as_slice(), &[0; 10]].concat());
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
        archive.extend([b"PK\x03\x04", about.as_slice(), name.as_bytes(), bytes].concat());
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let start = u32::try_from(archive.len()).unwrap().to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    archive.extend(directory);
    archive.extend(
        [
            b"PK\x05\x06\x00\x00\x00\x00".as_slice(),
            &count,
            &count,
            &size,
            &start,
            &[0, 0],
        ]
        .concat(),
    );
    archive
}
