//! The credentials of the AWS chain, as the store wants them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use futures::future::BoxFuture;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

/// Credentials that end this soon are fetched again: a request signed with them may still have to queue.
const MARGIN: Duration = Duration::from_mins(1);

/// Asks the chain once, and again when what it gave is about to expire.
#[derive(Debug)]
pub(super) struct Keys {
    chain: Option<SharedCredentialsProvider>,
    latest: Mutex<Option<Credentials>>,
}

impl Keys {
    /// Keys of `chain`; without one, every request fails for want of credentials.
    pub(super) fn of(chain: Option<SharedCredentialsProvider>) -> Self {
        Self {
            chain,
            latest: Mutex::new(None),
        }
    }

    async fn current(&self) -> Result<Credentials, CredentialsError> {
        let mut latest = self.latest.lock().await;
        if let Some(credentials) = latest.as_ref().filter(|credentials| lasts(credentials)) {
            return Ok(credentials.clone());
        }
        let chain = self
            .chain
            .as_ref()
            .ok_or_else(CredentialsError::not_loaded_no_source)?;
        let fresh = chain.provide_credentials().await?;
        *latest = Some(fresh.clone());
        Ok(fresh)
    }
}

fn lasts(credentials: &Credentials) -> bool {
    credentials
        .expiry()
        .is_none_or(|expiry| expiry > SystemTime::now() + MARGIN)
}

impl CredentialProvider for Keys {
    type Credential = AwsCredential;

    fn get_credential<'a, 'f>(&'a self) -> BoxFuture<'f, object_store::Result<Arc<AwsCredential>>>
    where
        'a: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let credentials =
                self.current()
                    .await
                    .map_err(|cause| object_store::Error::Generic {
                        store: "S3",
                        source: Box::new(cause),
                    })?;
            Ok(Arc::new(AwsCredential {
                key_id: credentials.access_key_id().to_owned(),
                secret_key: credentials.secret_access_key().to_owned(),
                token: credentials.session_token().map(str::to_owned),
            }))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use aws_credential_types::provider::future;

    use super::*;

    /// Hands out credentials that last for `seconds`, each with the number of the asking as its id.
    #[derive(Debug)]
    struct Chain {
        seconds: Option<u64>,
        asked: AtomicU32,
    }

    impl ProvideCredentials for Chain {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let id = self.asked.fetch_add(1, Ordering::Relaxed).to_string();
            let expiry = self
                .seconds
                .map(|seconds| SystemTime::now() + Duration::from_secs(seconds));
            future::ProvideCredentials::ready(Ok(Credentials::new(
                id,
                "CANARY-secret",
                None,
                expiry,
                "test",
            )))
        }
    }

    fn keys(seconds: Option<u64>) -> Keys {
        Keys::of(Some(SharedCredentialsProvider::new(Chain {
            seconds,
            asked: AtomicU32::new(0),
        })))
    }

    async fn ids(keys: &Keys) -> [String; 2] {
        let id = async || {
            keys.get_credential()
                .await
                .expect("credentials")
                .key_id
                .clone()
        };
        [id().await, id().await]
    }

    #[tokio::test]
    async fn the_chain_is_asked_once_while_credentials_last() {
        assert_eq!(ids(&keys(None)).await, ["0", "0"]);
        assert_eq!(ids(&keys(Some(900))).await, ["0", "0"]);
    }

    #[tokio::test]
    async fn credentials_about_to_expire_are_fetched_again() {
        assert_eq!(ids(&keys(Some(30))).await, ["0", "1"]);
    }

    #[tokio::test]
    async fn no_debug_text_holds_the_secret() {
        let keys = keys(None);
        let credential = keys.get_credential().await.expect("credentials");
        assert!(!format!("{keys:?} {credential:?}").contains("CANARY"));
    }
}
