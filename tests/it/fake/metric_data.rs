//! What `GetMetricData` answers.

use aws_smithy_cbor::Encoder;
use aws_smithy_types::DateTime;

/// One page.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetricData {
    pub(crate) results: Vec<MetricResult>,
    /// Code and text.
    pub(crate) messages: Vec<(&'static str, &'static str)>,
    pub(crate) token: Option<String>,
}

/// What is told of one query.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetricResult {
    pub(crate) id: String,
    pub(crate) label: String,
    /// Epoch milliseconds.
    pub(crate) times_ms: Vec<i64>,
    pub(crate) values: Vec<f64>,
    pub(crate) status: &'static str,
}

impl MetricData {
    /// In CBOR.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        encoder.begin_map();
        encoder.str("MetricDataResults").array(self.results.len());
        for result in &self.results {
            result.encode(&mut encoder);
        }
        encoder.str("Messages").array(self.messages.len());
        for (code, value) in &self.messages {
            encoder.map(2).str("Code").str(code).str("Value").str(value);
        }
        if let Some(token) = &self.token {
            encoder.str("NextToken").str(token);
        }
        encoder.end();
        encoder.into_writer()
    }
}

impl MetricResult {
    fn encode(&self, encoder: &mut Encoder) {
        encoder
            .map(5)
            .str("Id")
            .str(&self.id)
            .str("Label")
            .str(&self.label)
            .str("StatusCode")
            .str(self.status);
        encoder.str("Timestamps").array(self.times_ms.len());
        for time_ms in &self.times_ms {
            encoder.timestamp(&DateTime::from_millis(*time_ms));
        }
        encoder.str("Values").array(self.values.len());
        for value in &self.values {
            encoder.double(*value);
        }
    }
}
