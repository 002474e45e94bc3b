//! What a user at a terminal sees and presses.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};

use super::{CHECKERBOARD, SMALL, davegan, folder, run, train};

/// A training that would take hours, once it has begun.
fn long_training(folder: &Path) -> Child {
    let arguments = [&["train", "--steps", "1000000000"], &CHECKERBOARD[..], &SMALL].concat();
    let mut child = davegan(folder, &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The phases are printed when signals are handled already.
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    child
}

fn send(child: &Child, signal: i32) {
    // SAFETY: a signal to a child that is not waited for yet.
    assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
}

#[test]
fn ctrl_c_saves_the_work_and_a_second_one_ends_the_program() {
    let folder = folder("signals");
    let child = long_training(&folder);
    send(&child, libc::SIGINT);
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && errors.contains("training was cancelled"), "{errors}");
    assert!(errors.contains("--resume"), "{errors}");
    let step: &str = errors.split_whitespace().skip_while(|&word| word != "step").nth(1).unwrap();
    train(&folder, &["--resume", "--steps", &(step.parse::<u64>().unwrap() + 1).to_string()]);

    let mut child = long_training(&folder);
    send(&child, libc::SIGINT);
    std::thread::sleep(std::time::Duration::from_millis(20));
    send(&child, libc::SIGINT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// As Slurm does at the time limit of a job.
#[test]
fn sigterm_sent_again_and_again_saves_the_work() {
    let folder = folder("scheduler");
    let mut child = long_training(&folder);
    while child.try_wait().unwrap().is_none() {
        send(&child, libc::SIGTERM);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(run(&folder, 0, &["info", "model.h5"]).0.contains("--resume goes on"));
    let words = "which this one replaces; --resume would go on with it";
    assert!(train(&folder, &["--steps", "1"]).0.contains(words));
    assert!(!train(&folder, &["--steps", "1"]).0.contains(words), "that training had ended");
}

#[test]
fn ctrl_c_keeps_the_realisations_so_far() {
    let folder = folder("generate-signal");
    train(&folder, &["--steps", "2"]);
    let arguments = ["generate", "model.h5", "out.vtkhdf", "--count", "100000000", "--threads", "1"];
    let child = davegan(&folder, &arguments).stderr(Stdio::piped()).spawn().unwrap();
    while !folder.join("out.vtkhdf").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    send(&child, libc::SIGINT);
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && errors.contains("out.vtkhdf holds them"), "{errors}");
    let said: u64 = errors.split_whitespace().skip_while(|&word| word != "after").nth(1).unwrap().parse().unwrap();
    let (info, _) = run(&folder, 0, &["info", "out.vtkhdf", "--json"]);
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert!(said > 0 && info["sets"][0]["n_written"] == said && info["sets"][0]["complete"] == false, "{said} {info}");
}

/// The two ends of a new terminal: what shows, and what a program writes to.
#[cfg(target_os = "linux")]
fn terminal() -> (std::fs::File, Stdio) {
    use std::os::fd::FromRawFd;
    use std::ptr::{null, null_mut};

    let (mut shows, mut writes) = (0, 0);
    let size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the places are there; no name and no settings are asked for.
    assert_eq!(unsafe { libc::openpty(&mut shows, &mut writes, null_mut(), null(), &size) }, 0);
    // SAFETY: both are open, and nobody else has them.
    unsafe { (std::fs::File::from_raw_fd(shows), Stdio::from_raw_fd(writes)) }
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_shows_a_bar_for_work_that_takes_long() {
    let folder = folder("bar");
    let work = [
        ("training", [&["train", "--steps", "40"], &CHECKERBOARD[..], &SMALL].concat()),
        ("generating", vec!["generate", "model.h5", "out.vtkhdf", "--count", "64"]),
        (
            "relaxing",
            [&["relax", "out.vtkhdf", "relaxed.vtkhdf", "--dataset", "/VTKHDF/CellData/phase"], &CHECKERBOARD[..]]
                .concat(),
        ),
    ];
    for (name, arguments) in work {
        let (mut shows, writes) = terminal();
        let mut command = davegan(&folder, &arguments);
        let mut child = command.env("TERM", "xterm").stderr(writes).stdout(Stdio::null()).spawn().unwrap();
        // The end that the program writes to is closed here: then its end is the end of the terminal.
        drop(command);
        let mut shown = Vec::new();
        // A terminal without writers is an error on Linux.
        let _ = shows.read_to_end(&mut shown);
        assert!(child.wait().unwrap().success(), "{}", String::from_utf8_lossy(&shown));
        let shown = String::from_utf8_lossy(&shown);
        assert!(shown.contains(name) && shown.contains('█'), "{shown}");
    }
}
