//! Everything that can go wrong between a client and AWS, declared as data.

use std::ops::Range;

use super::random::{hash, share};

/// What goes wrong, where and when.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    /// `ecs:DescribeTasks`, `ecs:*` or `*`.
    pub(crate) op: &'static str,
    /// One account, or any.
    pub(crate) account: Option<String>,
    /// One region, or any.
    pub(crate) region: Option<String>,
    pub(crate) when: When,
    pub(crate) kind: Kind,
}

/// Which of the calls that a fault is about it strikes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum When {
    Always,
    /// Those with these numbers, from 0.
    Nth(Range<u64>),
    /// So many.
    First(u64),
    /// Each with this probability. Chance looks at what is asked, and for how many times, not at who comes first: the
    /// same calls meet the same faults in whatever order they come.
    Probability(f64, u64),
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// 400 `ThrottlingException`.
    Throttle,
    /// 429 without a body.
    ThrottleBare429,
    RequestLimitExceeded,
    /// This status without a body.
    Status(u16),
    /// The service's own word for a failure on its side.
    ServerException,
    ResetBeforeHeaders,
    /// After so many bytes of the body.
    ResetMidBody(usize),
    /// Half a body, then an orderly close.
    TruncatedBody,
    /// Never answers.
    Stall,
    /// One byte at a time, with so many milliseconds after each.
    Slow(u64),
    CaptivePortalHtml200,
    /// Bytes without a meaning.
    BadBody,
    EmptyBody200,
    /// An object with nothing in it.
    EmptyObject200,
    /// An object of somebody else.
    ForeignObject200,
    /// The token of the page itself.
    RepeatedToken,
    /// A, B, A, …
    TokenLoop,
    ExpiredNextToken,
    EndlessEmptyPages,
    ExpiredCredentials,
    Denied,
    DeniedByScp,
    OptedOutRegion,
    /// The server's clock is so many seconds ahead.
    DateOffset(i64),
    /// The last item is in `failures` or among those not found.
    MissingListed,
    /// The last item is gone without a word.
    MissingSilently,
    /// One more item that nobody asked for.
    ForeignItem,
    DuplicateItem,
    /// Half of every metric now, the other half on the next page.
    PartialDataWithToken,
    /// Half of every metric, and no next page.
    PartialDataNoToken,
    /// One metric in three has an internal error.
    MetricInternalError,
    /// One metric in three is forbidden.
    MetricForbidden,
    TopLevelMessages,
    /// A value without a time.
    UnequalLengths,
    DuplicatePoints,
    PointsOutsideWindow,
    ShuffledPoints,
    NanValue,
    NegativeValue,
    ClusterNotFound,
    ServiceNotFound,
    LogGroupGone,
    /// 1970.
    BadTimestamps,
    /// Answers only after so many milliseconds.
    HugeLatency(u64),
    SlowDown,
    PreconditionFailed,
    Conflict,
    /// Calls the hook of the test, which ends the client; there is no answer.
    KillClient,
}

const fn example(op: &'static str, when: When, kind: Kind) -> Fault {
    Fault {
        op,
        account: None,
        region: None,
        when,
        kind,
    }
}

impl Fault {
    /// Every class of fault by name, with an example: what passes is over after a few calls, what stays stays.
    pub(crate) const CLASSES: [(&'static str, Self); 51] = [
        ("throttle", example("*", When::First(3), Kind::Throttle)),
        (
            "throttle without end",
            example("ecs:ListTasks", When::Always, Kind::Throttle),
        ),
        (
            "bare 429",
            example("*", When::First(3), Kind::ThrottleBare429),
        ),
        (
            "request limit exceeded",
            example("*", When::First(3), Kind::RequestLimitExceeded),
        ),
        (
            "status 500",
            example("*", When::First(2), Kind::Status(500)),
        ),
        (
            "status 502",
            example("*", When::First(2), Kind::Status(502)),
        ),
        (
            "status 503",
            example("*", When::First(2), Kind::Status(503)),
        ),
        (
            "status 504",
            example("*", When::First(2), Kind::Status(504)),
        ),
        (
            "server exception",
            example("*", When::First(2), Kind::ServerException),
        ),
        (
            "reset before headers",
            example("*", When::First(2), Kind::ResetBeforeHeaders),
        ),
        (
            "reset in the body",
            example("*", When::First(2), Kind::ResetMidBody(7)),
        ),
        (
            "truncated body",
            example("*", When::First(2), Kind::TruncatedBody),
        ),
        (
            "stall",
            example("ecs:DescribeTasks", When::First(1), Kind::Stall),
        ),
        (
            "slow",
            example("ecs:ListClusters", When::First(1), Kind::Slow(1)),
        ),
        (
            "captive portal",
            example("*", When::First(2), Kind::CaptivePortalHtml200),
        ),
        ("bad body", example("*", When::First(2), Kind::BadBody)),
        (
            "empty body",
            example("ecs:DescribeTasks", When::First(2), Kind::EmptyBody200),
        ),
        (
            "repeated token",
            example("ecs:ListTasks", When::Always, Kind::RepeatedToken),
        ),
        (
            "token loop",
            example("ecs:ListServices", When::Always, Kind::TokenLoop),
        ),
        (
            "expired page token",
            example(
                "logs:FilterLogEvents",
                When::First(1),
                Kind::ExpiredNextToken,
            ),
        ),
        (
            "endless empty pages",
            example("ecs:ListTasks", When::Always, Kind::EndlessEmptyPages),
        ),
        (
            "expired credentials",
            example("*", When::Nth(20..u64::MAX), Kind::ExpiredCredentials),
        ),
        (
            "denied",
            example("ecs:DescribeServices", When::Always, Kind::Denied),
        ),
        (
            "denied by a service control policy",
            example("codebuild:*", When::Always, Kind::DeniedByScp),
        ),
        (
            "region not opted in",
            example("*", When::Always, Kind::OptedOutRegion),
        ),
        (
            "clock an hour ahead",
            example("*", When::Always, Kind::DateOffset(3_600)),
        ),
        (
            "clock a day behind",
            example("*", When::Always, Kind::DateOffset(-86_400)),
        ),
        (
            "missing and listed",
            example("ecs:DescribeTasks", When::Always, Kind::MissingListed),
        ),
        (
            "build missing and listed",
            example(
                "codebuild:BatchGetBuilds",
                When::Always,
                Kind::MissingListed,
            ),
        ),
        (
            "missing without a word",
            example("ecs:DescribeTasks", When::Always, Kind::MissingSilently),
        ),
        (
            "metric missing without a word",
            example(
                "cloudwatch:GetMetricData",
                When::Always,
                Kind::MissingSilently,
            ),
        ),
        (
            "foreign item",
            example("ecs:DescribeTasks", When::Always, Kind::ForeignItem),
        ),
        (
            "foreign metric",
            example("cloudwatch:GetMetricData", When::Always, Kind::ForeignItem),
        ),
        (
            "duplicate item",
            example("ecs:ListTasks", When::Always, Kind::DuplicateItem),
        ),
        (
            "partial data with a token",
            example(
                "cloudwatch:GetMetricData",
                When::Always,
                Kind::PartialDataWithToken,
            ),
        ),
        (
            "partial data without a token",
            example(
                "cloudwatch:GetMetricData",
                When::Always,
                Kind::PartialDataNoToken,
            ),
        ),
        (
            "internal error of a metric",
            example(
                "cloudwatch:GetMetricData",
                When::First(1),
                Kind::MetricInternalError,
            ),
        ),
        (
            "forbidden metric",
            example(
                "cloudwatch:GetMetricData",
                When::Always,
                Kind::MetricForbidden,
            ),
        ),
        (
            "top-level messages",
            example(
                "cloudwatch:GetMetricData",
                When::Always,
                Kind::TopLevelMessages,
            ),
        ),
        (
            "unequal lengths",
            example(
                "cloudwatch:GetMetricData",
                When::Always,
                Kind::UnequalLengths,
            ),
        ),
        (
            "duplicate points",
            example(
                "cloudwatch:GetMetricData",
                When::Always,
                Kind::DuplicatePoints,
            ),
        ),
        (
            "points outside the window",
            example(
                "cloudwatch:GetMetricData",
                When::Always,
                Kind::PointsOutsideWindow,
            ),
        ),
        (
            "shuffled points",
            example(
                "cloudwatch:GetMetricData",
                When::Always,
                Kind::ShuffledPoints,
            ),
        ),
        (
            "NaN",
            example("cloudwatch:GetMetricData", When::Always, Kind::NanValue),
        ),
        (
            "negative value",
            example(
                "cloudwatch:GetMetricData",
                When::Always,
                Kind::NegativeValue,
            ),
        ),
        (
            "cluster gone",
            example("ecs:ListTasks", When::Always, Kind::ClusterNotFound),
        ),
        (
            "service gone",
            example(
                "ecs:ListServiceDeployments",
                When::Always,
                Kind::ServiceNotFound,
            ),
        ),
        (
            "log group gone",
            example("logs:FilterLogEvents", When::Always, Kind::LogGroupGone),
        ),
        (
            "bad timestamps",
            example("ecs:DescribeTasks", When::Always, Kind::BadTimestamps),
        ),
        (
            "latency",
            example("*", When::First(1), Kind::HugeLatency(500)),
        ),
        (
            "killed",
            example("ecs:DescribeTasks", When::Nth(1..2), Kind::KillClient),
        ),
    ];

    /// The same for S3.
    pub(crate) const S3_CLASSES: [(&'static str, Self); 8] = [
        (
            "S3 slow down",
            example("s3:*", When::First(2), Kind::SlowDown),
        ),
        (
            "S3 precondition failed",
            example("s3:PutObject", When::First(1), Kind::PreconditionFailed),
        ),
        (
            "S3 conflict",
            example("s3:PutObject", When::First(1), Kind::Conflict),
        ),
        (
            "S3 status 500",
            example("s3:*", When::First(2), Kind::Status(500)),
        ),
        (
            "S3 reset before headers",
            example("s3:*", When::First(1), Kind::ResetBeforeHeaders),
        ),
        (
            "S3 reset in the body",
            example("s3:GetObject", When::First(1), Kind::ResetMidBody(7)),
        ),
        (
            "S3 truncated body",
            example("s3:GetObject", When::First(1), Kind::TruncatedBody),
        ),
        (
            "S3 denied",
            example("s3:PutObject", When::Always, Kind::Denied),
        ),
    ];

    /// `kind` for every call of `op`.
    pub(crate) const fn always(op: &'static str, kind: Kind) -> Self {
        example(op, When::Always, kind)
    }

    /// `kind` for the first `times` calls of `op`.
    pub(crate) const fn first(times: u64, op: &'static str, kind: Kind) -> Self {
        example(op, When::First(times), kind)
    }

    /// True for calls that this fault is about, whenever it strikes.
    pub(crate) fn is_about(&self, op: &str, account: &str, region: &str, has_token: bool) -> bool {
        let is_op = match self.op.strip_suffix('*') {
            Some(prefix) => op.starts_with(prefix),
            None => op == self.op,
        };
        let has_place = self
            .account
            .as_deref()
            .is_none_or(|wanted| wanted == account)
            && self.region.as_deref().is_none_or(|wanted| wanted == region);
        is_op && has_place && (has_token || self.kind != Kind::ExpiredNextToken)
    }
}

impl When {
    /// True for the call number `no` of those a fault is about, which asks for `what` for the time number `time`.
    pub(crate) fn is_now(&self, no: u64, what: u64, time: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Nth(numbers) => numbers.contains(&no),
            Self::First(times) => no < *times,
            Self::Probability(probability, seed) => {
                share(hash(hash(*seed, what), time)) < *probability
            }
        }
    }
}

impl Kind {
    /// Its name, for the log of calls.
    pub(crate) fn name(&self) -> String {
        let text = format!("{self:?}");
        text.split('(').next().unwrap_or_default().to_owned()
    }
}
