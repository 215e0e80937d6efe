//! Why S3 did not do what it was asked, whether asking again may help, and what to tell the user.

use aws_credential_types::provider::error::CredentialsError;

use super::RESTORE;
use super::guard::Refusal;
use crate::aws::{first_line, innermost};
use crate::model::error::{Error, ErrorKind};

/// What is asked of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// The names below a prefix.
    List,
    /// The bytes of an object.
    Read,
    /// A new object.
    Create,
}

impl Action {
    const fn verb(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Create => "write",
        }
    }

    /// The IAM action it needs.
    const fn permission(self) -> &'static str {
        match self {
            Self::List => "s3:ListBucket",
            Self::Read => "s3:GetObject",
            Self::Create => "s3:PutObject",
        }
    }

    const fn kind(self) -> ErrorKind {
        match self {
            Self::List | Self::Read => ErrorKind::Input,
            Self::Create => ErrorKind::Write,
        }
    }
}

/// Where it was asked, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) action: Action,
    /// Name of the bucket.
    pub(super) bucket: &'a str,
    /// The region that was asked.
    pub(super) region: &'a str,
    /// `s3://bucket/key`.
    pub(super) place: &'a str,
}

/// Why there is no good answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is nothing to sign requests with.
    NoCredentials(String),
    /// S3 said no.
    Refused(Refusal),
    /// There was no answer, or one that S3 does not give.
    NoAnswer(String),
}

/// S3's ways to say that it does not know who is asking.
const CREDENTIALS: [&str; 7] = [
    "AccessKeyIdInvalid",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
];

impl Failure {
    /// What is behind an error of the store.
    pub(super) fn of(error: &object_store::Error) -> Self {
        let mut cause: &(dyn std::error::Error + 'static) = error;
        loop {
            if let Some(refusal) = cause.downcast_ref::<Refusal>() {
                return Self::Refused(refusal.clone());
            }
            if cause.is::<CredentialsError>() {
                return Self::NoCredentials(first_line(innermost(cause)));
            }
            let Some(deeper) = cause.source() else {
                return Self::NoAnswer(cause.to_string());
            };
            cause = deeper;
        }
    }

    /// True where another attempt may fare better. Everything asked of a bucket may be asked twice.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::NoCredentials(_) => false,
            Self::NoAnswer(_) => true,
            // A bad digest and a request that timed out were spoilt on their way.
            Self::Refused(refusal) => {
                matches!(refusal.status, 408 | 409 | 429 | 500 | 502..=599)
                    || matches!(
                        refusal.code.as_str(),
                        "RequestTimeout" | "BadDigest" | "XAmzContentSHA256Mismatch" | "SlowDown"
                    )
            }
        }
    }

    /// True when there is an object of that name already.
    pub(super) fn is_there_already(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == 412)
    }

    /// The error as the user reads it.
    pub(super) fn explain(&self, asked: Asked<'_>) -> Error {
        let Asked { action, place, .. } = asked;
        match self {
            Self::NoCredentials(why) => {
                Error::new(ErrorKind::Authentication, format!("no AWS credentials to {} `{place}`: {why}", action.verb()))
                    .hint("set AWS_PROFILE, log in with `aws sso login`, or give the task or instance a role")
            }
            Self::Refused(refusal) => explain_refusal(refusal, asked),
            Self::NoAnswer(why) => {
                Error::new(action.kind(), format!("cannot {} `{place}`: no answer from S3: {why}", action.verb()))
                    .hint("look at the network, the proxy and AWS_ENDPOINT_URL_S3, and run the same command again")
            }
        }
    }
}

fn explain_refusal(refusal: &Refusal, asked: Asked<'_>) -> Error {
    let Asked {
        action,
        bucket,
        region,
        place,
    } = asked;
    let code = refusal.code.as_str();
    let error = |message: String| Error::new(action.kind(), message);
    if CREDENTIALS.contains(&code) {
        return Error::new(ErrorKind::Authentication, format!("S3 does not accept the credentials for `{place}`: {code}"))
            .hint("log in again, or set AWS_PROFILE to credentials that are valid now; the clock must be right, too");
    }
    if code == "NoSuchBucket" {
        return error(format!(
            "bucket `{bucket}` does not exist (asked in {region} for `{place}`)"
        ))
        .hint("look at its name; plimsoll makes no buckets");
    }
    match &refusal.region {
        Some(real) if real != region && matches!(refusal.status, 300..=400) => {
            return error(format!(
                "bucket `{bucket}` is in region {real}, but {region} was asked for `{place}`"
            ))
            .hint(format!(
                "set AWS_REGION={real}; the regions to collect from are named by --region"
            ));
        }
        None if matches!(refusal.status, 300..=399) => {
            return error(format!(
                "bucket `{bucket}` is not in region {region} (asked for `{place}`)"
            ))
            .hint("set AWS_REGION to the region of the bucket");
        }
        _ => {}
    }
    match (refusal.status, code, action) {
        (404, _, Action::Read) => error(format!(
            "part `{place}` is named by the coverage table but missing"
        ))
        .hint(RESTORE),
        (403, "InvalidObjectState", _) => {
            error(format!("`{place}` is archived")).hint("restore it from its storage class first")
        }
        (403, ..) => denied(refusal, asked),
        (501, ..) => error(format!(
            "cannot {} `{place}`: this server has no conditional writes",
            action.verb()
        ))
        .hint("use Amazon S3 or a server that honours `If-None-Match: *`"),
        (status, ..) => error(format!(
            "cannot {} `{place}`: S3 answers {status} {code}",
            action.verb()
        ))
        .hint("run the same command again; what is written already is kept"),
    }
}

fn denied(
    refusal: &Refusal,
    Asked {
        action,
        bucket,
        place,
        ..
    }: Asked<'_>,
) -> Error {
    let lacking = refusal.action.as_deref().unwrap_or(action.permission());
    let hint = match (lacking.starts_with("kms:"), action) {
        (true, _) => format!("allow {lacking} on the key that encrypts bucket `{bucket}`"),
        (_, Action::List) => format!("allow {lacking} on arn:aws:s3:::{bucket}"),
        _ => format!("allow {lacking} on arn:aws:s3:::{bucket} with the dataset's prefix and /*"),
    };
    Error::new(
        action.kind(),
        format!("access denied: {lacking} on `{place}`"),
    )
    .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Failure {
        Failure::Refused(Refusal {
            status,
            code: code.to_owned(),
            action: None,
            region: None,
        })
    }

    fn told(failure: &Failure, action: Action) -> Error {
        failure.explain(Asked {
            action,
            bucket: "b",
            region: "us-east-1",
            place: "s3://b/p/x",
        })
    }

    #[test]
    fn what_may_pass_is_tried_again_and_a_plain_no_is_not() {
        for (status, code) in [
            (503, "SlowDown"),
            (500, "InternalError"),
            (409, "ConditionalRequestConflict"),
            (400, "RequestTimeout"),
            (429, ""),
        ] {
            assert!(refused(status, code).may_pass(), "{status} {code}");
        }
        for (status, code) in [
            (403, "AccessDenied"),
            (404, "NoSuchBucket"),
            (412, "PreconditionFailed"),
            (501, "NotImplemented"),
        ] {
            assert!(!refused(status, code).may_pass(), "{status} {code}");
        }
    }

    #[test]
    fn denied_names_the_action_and_ends_in_the_code_of_its_direction() {
        for (action, permission, code) in [
            (Action::List, "s3:ListBucket", 5),
            (Action::Read, "s3:GetObject", 5),
            (Action::Create, "s3:PutObject", 10),
        ] {
            let error = told(&refused(403, "AccessDenied"), action);
            assert_eq!(
                error.to_string(),
                format!("access denied: {permission} on `s3://b/p/x`")
            );
            assert_eq!(error.kind().exit_code(), code);
        }
    }

    #[test]
    fn a_key_that_may_not_be_used_is_told_from_a_bucket() {
        let kms = Refusal {
            status: 403,
            code: "AccessDenied".into(),
            action: Some("kms:GenerateDataKey".into()),
            region: None,
        };
        let error = told(&Failure::Refused(kms), Action::Create);
        assert!(error.to_string().contains("kms:GenerateDataKey"), "{error}");
        assert!(
            error
                .next_step()
                .is_some_and(|hint| hint.contains("key that encrypts"))
        );
    }

    #[test]
    fn refused_credentials_are_exit_code_7_in_every_direction() {
        for code in CREDENTIALS {
            for action in [Action::List, Action::Read, Action::Create] {
                assert_eq!(
                    told(&refused(403, code), action).kind().exit_code(),
                    7,
                    "{code}"
                );
            }
        }
    }

    #[test]
    fn a_bucket_elsewhere_names_both_regions() {
        let moved = Refusal {
            status: 301,
            code: "PermanentRedirect".into(),
            action: None,
            region: Some("eu-west-1".to_owned()),
        };
        let error = told(&Failure::Refused(moved), Action::List);
        assert_eq!(
            error.to_string(),
            "bucket `b` is in region eu-west-1, but us-east-1 was asked for `s3://b/p/x`"
        );
        assert!(
            told(&refused(301, ""), Action::List)
                .to_string()
                .contains("not in region us-east-1")
        );
    }
}
