//! Whose credentials ask: as the AWS CLI decides it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use plimsoll::dataset::log::Log;

use super::site::Site;
use crate::fake::{Fault, Kind, Scale, World};
use crate::support::{self, Run, command};

fn site() -> Site {
    Site::of(World::seeded(
        7,
        Scale {
            accounts: 2,
            regions: 1,
            days: 1,
            ..Scale::SMALL
        },
    ))
}

impl Site {
    /// Collects today with the keys of the first account in the environment.
    fn collect_with_keys(&self, variables: &[(&str, &str)], args: &[&str]) -> Run {
        let args = [&["collect", "--dataset", "dataset", "--days", "0"], args].concat();
        let now = jiff::Timestamp::from_millisecond(self.now_ms()).expect("a time");
        let mut command = self.plimsoll(&args);
        command
            .args(["--now", &now.to_string(), "--pace", "500"])
            .envs(self.fake.env())
            .env("HOME", self.folder.path(""))
            .envs(variables.iter().copied());
        Run::of(&command.output().expect("the binary runs"))
    }

    fn accounts_collected(&self) -> BTreeSet<String> {
        let commits = Log::of(&self.dataset()).expect("a dataset").commits;
        commits.into_iter().map(|commit| commit.account).collect()
    }
}

#[test]
fn profiles_that_are_named_win_over_keys_in_the_environment() {
    let site = site();
    let accounts = site.accounts();
    site.collect_with_keys(&[], &["--profile", &accounts[1]])
        .exits(0);
    assert_eq!(
        site.accounts_collected(),
        BTreeSet::from([accounts[1].clone()])
    );
    site.collect_with_keys(&[], &["--profile", &accounts[0], "--profile", &accounts[1]])
        .exits(0);
    assert_eq!(site.accounts_collected(), accounts.into_iter().collect());
}

#[test]
fn keys_in_the_environment_win_over_the_profile_of_the_environment() {
    let site = site();
    let accounts = site.accounts();
    site.collect_with_keys(&[("AWS_PROFILE", &accounts[1])], &[])
        .exits(0);
    assert_eq!(
        site.accounts_collected(),
        BTreeSet::from([accounts[0].clone()])
    );
}

#[test]
fn a_profile_that_does_not_exist_is_named_with_those_that_do() {
    let site = site();
    let known = site.accounts();
    for run in [
        site.collect_with_keys(&[], &["--profile", "nope"]),
        site.collect_with_keys(&[], &["--profile", &known[0], "--profile", "nope"]),
        site.collect_with_keys(&[("AWS_PROFILE", "nope")], &[]),
        site.collect_with_keys(&[("AWS_DEFAULT_PROFILE", "nope")], &[]),
    ] {
        run.exits(2).says(&[
            "there is no profile `nope`",
            ".aws/config",
            &known[0],
            &known[1],
        ]);
    }
    assert!(site.fake.calls().is_empty(), "nobody was asked");
    assert!(!site.folder.path("dataset").exists());
    let args = ["report", "--dataset", "s3://bucket/prefix"];
    let mut report = site.plimsoll(&args);
    report.env("AWS_PROFILE", "nope");
    Run::of(&report.output().expect("the binary runs"))
        .exits(2)
        .says(&["there is no profile `nope`"]);
}

#[test]
fn an_empty_name_of_a_profile_names_none() {
    let site = site();
    site.collect_with_keys(&[("AWS_PROFILE", "")], &[]).exits(0);
    assert_eq!(
        site.accounts_collected(),
        BTreeSet::from([site.accounts()[0].clone()])
    );
}

#[test]
fn a_clock_that_is_days_off_collects_nothing() {
    let site = site();
    let wrong = Fault::always("*", Kind::DateOffset(-3 * 86_400));
    site.fake.set_faults(vec![wrong]);
    site.collect(&["--days", "0"])
        .exits(1)
        .says(&["72 hours ahead of", "set the clock"]);
    assert!(site.accounts_collected().is_empty());
    site.fake.set_faults(Vec::new());
    for now in ["1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z"] {
        let mut command = site.plimsoll(&["collect", "--dataset", "dataset", "--now", now]);
        command.args(["--profile", &site.accounts()[0]]);
        Run::of(&command.output().expect("the binary runs"))
            .exits(1)
            .says(&["the clock of this machine says", "set the clock"]);
    }
}

#[test]
fn a_doctor_that_is_interrupted_says_so_by_its_exit_code() {
    let site = site();
    site.fake
        .set_faults(vec![Fault::always("ecs:*", Kind::Stall)]);
    let child = site
        .plimsoll(&["doctor", "--profile", &site.accounts()[0]])
        .spawn()
        .expect("the binary starts");
    while site.fake.calls_of("ecs:ListClusters") == 0 {
        thread::yield_now();
    }
    let id = child.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status()
        .expect("kill");
    assert!(killed.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
}

/// A proxy that takes note of the first line of whom it is asked for, and refuses.
fn proxy() -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut line = String::new();
        BufReader::new(stream.try_clone().expect("a stream"))
            .read_line(&mut line)
            .expect("a line");
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        line
    });
    (format!("http://user:CANARY@{address}"), asked)
}

#[test]
fn the_proxy_of_the_environment_is_asked_for_aws_and_for_s3() {
    for (args, host) in [
        (
            &["doctor", "--region", "us-east-1"][..],
            "CONNECT sts.us-east-1.amazonaws.com:443 ",
        ),
        (
            &["report", "--dataset", "s3://bucket/prefix"],
            "CONNECT s3.us-east-1.amazonaws.com:443 ",
        ),
    ] {
        let (url, asked) = proxy();
        let world = support::World::new();
        let mut child = command(args)
            .env("HOME", world.path(""))
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
            .env("AWS_SECRET_ACCESS_KEY", "CANARY")
            .env("HTTPS_PROXY", url)
            .spawn()
            .expect("the binary starts");
        let line = asked.join().expect("asked");
        child.kill().expect("ended");
        child.wait().expect("ended");
        assert!(line.starts_with(host), "{line}");
    }
}
