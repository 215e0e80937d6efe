//! AWS STS: `GetCallerIdentity` and `AssumeRole`.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::answer::{Answer, Ask, Problem};
use super::world::role_key;

/// A session lasts for this long by the clock on the wall, which is the one that clients look at.
const SESSION: Duration = Duration::from_hours(1);

pub(crate) fn answer(ask: &Ask<'_>) -> Result<Answer, Problem> {
    match ask.op {
        "sts:GetCallerIdentity" => Ok(wrapped("GetCallerIdentity", &identity(ask))),
        "sts:AssumeRole" => assume_role(ask),
        other => Err(Problem::unexpected(other)),
    }
}

fn wrapped(action: &str, result: &str) -> Answer {
    Answer::Xml(format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></{action}Response>"
    ))
}

fn identity(ask: &Ask<'_>) -> String {
    let account = &ask.place.account.id;
    let key = ask.input.get("key").and_then(Value::as_str);
    let arn = if key == Some(&role_key(account)) {
        format!("arn:aws:sts::{account}:assumed-role/plimsoll/plimsoll")
    } else {
        format!("arn:aws:iam::{account}:user/tester")
    };
    format!("<Arn>{arn}</Arn><UserId>AIDAFAKE</UserId><Account>{account}</Account>")
}

fn assume_role(ask: &Ask<'_>) -> Result<Answer, Problem> {
    let arn = ask.text("RoleArn").unwrap_or_default();
    let role = arn
        .strip_prefix("arn:aws:iam::")
        .and_then(|rest| rest.split_once(":role/"));
    let known = role.filter(|(account, name)| {
        let account = ask
            .place
            .world
            .accounts
            .iter()
            .find(|known| known.id == *account);
        account.is_some_and(|account| account.roles.iter().any(|known| known == name))
    });
    let Some((account, name)) = known else {
        let caller = &ask.place.account.id;
        let message = format!(
            "User: arn:aws:iam::{caller}:user/tester is not authorized to perform: sts:AssumeRole on resource: {arn}"
        );
        return Err(Problem::new(403, "AccessDenied", message));
    };
    let session = ask.text("RoleSessionName").unwrap_or("session");
    let until = SystemTime::now() + SESSION;
    let until = jiff::Timestamp::try_from(until)
        .expect("a time of this century")
        .strftime("%Y-%m-%dT%H:%M:%SZ");
    let key = role_key(account);
    Ok(wrapped(
        "AssumeRole",
        &format!(
            "<AssumedRoleUser><AssumedRoleId>AROAFAKE:{session}</AssumedRoleId>\
             <Arn>arn:aws:sts::{account}:assumed-role/{name}/{session}</Arn></AssumedRoleUser>\
             <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>CANARY-role-secret-key</SecretAccessKey>\
             <SessionToken>CANARY-role-session-token</SessionToken><Expiration>{until}</Expiration></Credentials>"
        ),
    ))
}
