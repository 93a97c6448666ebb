//! A short storm over the log; `./dev chaos` runs long ones.

use std::process::Command;

#[test]
fn what_was_promised_in_a_storm_is_there_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(["storm", "--events", "1400", "--writers", "2"])
        .output()
        .unwrap();
    let (said, told) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}\n{told}");
}
