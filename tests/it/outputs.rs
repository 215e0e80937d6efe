//! `-o FILE`: what a file was, it stays, and what is no regular file is written through.
#![cfg(unix)]

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};

use crate::support::{Run, SECOND, T0, World, command, finished};

fn small() -> World {
    World::with(&[finished("etl", "a1", T0, T0 + 90 * SECOND)])
}

#[track_caller]
fn content(world: &World, name: &str) -> String {
    fs::read_to_string(world.path(name)).expect("there")
}

#[test]
fn a_device_stays_a_device() {
    let world = small();
    let before = fs::metadata("/dev/null").expect("Linux");
    for path in ["/dev/null", "null"] {
        let _ = symlink("/dev/null", world.path("null"));
        world.report(&["-o", path]).exits(0);
    }
    let after = fs::metadata("/dev/null").expect("Linux");
    assert!(after.file_type().is_char_device());
    assert_eq!((after.ino(), after.mode()), (before.ino(), before.mode()));
    assert!(world.path("null").is_symlink());
}

#[test]
fn a_device_that_is_full_is_a_write_error() {
    small()
        .report(&["-o", "/dev/full"])
        .exits(10)
        .says(&["cannot write `/dev/full`"]);
}

#[test]
fn a_pipe_gets_what_standard_output_would_have() {
    let world = small();
    let shown = world.report(&["--format", "csv"]).exits(0).stdout;
    let made = Command::new("mkfifo")
        .arg(world.path("pipe"))
        .status()
        .expect("mkfifo");
    assert!(made.success());
    let pipe = world.path("pipe");
    let reader = std::thread::spawn(move || fs::read_to_string(pipe).expect("read"));
    world.report(&["--format", "csv", "-o", "pipe"]).exits(0);
    assert_eq!(reader.join().expect("read"), shown);
    assert!(
        fs::metadata(world.path("pipe"))
            .expect("there")
            .file_type()
            .is_fifo()
    );
}

#[test]
fn a_symbolic_link_is_followed() {
    let world = small();
    let shown = world.report(&[]).exits(0).stdout;
    world.write("folder/real.txt", "before");
    symlink("folder/real.txt", world.path("link")).expect("linked");
    symlink("folder/new.txt", world.path("dangling")).expect("linked");
    world.report(&["-o", "link"]).exits(0);
    world.report(&["-o", "dangling"]).exits(0);
    assert_eq!(content(&world, "folder/real.txt"), shown);
    assert_eq!(content(&world, "folder/new.txt"), shown);
    assert!(world.path("link").is_symlink() && world.path("dangling").is_symlink());
    symlink("loop", world.path("loop")).expect("linked");
    world.report(&["-o", "loop"]).exits(10).says(&["`loop`"]);
}

#[test]
fn a_file_keeps_its_mode_and_a_new_one_gets_that_of_new_files() {
    let world = small();
    for mode in [0o600, 0o640, 0o755] {
        world.write("old.txt", "before");
        fs::set_permissions(world.path("old.txt"), Permissions::from_mode(mode)).expect("set");
        world.report(&["-o", "old.txt"]).exits(0);
        let found = fs::metadata(world.path("old.txt")).expect("there");
        assert_eq!(found.mode() & 0o7777, mode);
    }
    world.report(&["-o", "new.txt"]).exits(0);
    File::create(world.path("usual.txt")).expect("made");
    let mode = |name| fs::metadata(world.path(name)).expect("there").mode();
    assert_eq!(mode("new.txt"), mode("usual.txt"));
}

#[test]
fn standard_output_by_another_name_is_standard_output() {
    let world = small();
    let shown = world.report(&[]).exits(0).stdout;
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        assert_eq!(world.report(&["-o", name]).exits(0).stdout, shown, "{name}");
        // As `>> log` opens it.
        world.write("log.txt", "before\n");
        let log = OpenOptions::new()
            .append(true)
            .open(world.path("log.txt"))
            .expect("there");
        let mut appending = command(&["report", "--dataset", "dataset", "-o", name]);
        appending.current_dir(world.path("")).stdout(log);
        Run::of(&appending.output().expect("runs")).exits(0);
        assert_eq!(content(&world, "log.txt"), format!("before\n{shown}"));
    }
    let mut to_stderr = command(&["report", "--dataset", "dataset", "-o", "/dev/stderr"]);
    to_stderr.current_dir(world.path("")).stderr(Stdio::piped());
    let run = Run::of(&to_stderr.output().expect("runs")).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr), ("", shown));
}

#[test]
fn a_limit_on_the_size_of_files_is_a_write_error() {
    let world = small();
    world.write("out.json", "before");
    let binary = env!("CARGO_BIN_EXE_plimsoll");
    // One block of 512 bytes (or of 1,024) is less than any report.
    let script =
        format!("ulimit -f 1; exec {binary} report --dataset dataset --format json -o out.json");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .env_clear()
        .current_dir(world.path(""));
    Run::of(&shell.output().expect("a shell"))
        .exits(10)
        .says(&["cannot write `out.json`"]);
    assert_eq!(content(&world, "out.json"), "before");
}
