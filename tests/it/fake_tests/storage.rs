//! The fake S3, through the client that the dataset uses.

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    ClientOptions, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig,
};
use tokio::runtime::Runtime;

use super::KEY;
use crate::fake::{Fake, Fault, Kind, World};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Asks again `retries` times.
fn store(fake: &Fake, retries: usize) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_endpoint(fake.endpoint())
        .with_region("us-east-1")
        .with_bucket_name("fleet")
        .with_access_key_id(KEY)
        .with_secret_access_key("CANARY-secret-access-key")
        .with_client_options(ClientOptions::new().with_allow_http(true))
        .with_retry(RetryConfig {
            max_retries: retries,
            ..RetryConfig::default()
        })
        .build()
        .expect("a store")
}

fn create() -> PutOptions {
    PutOptions {
        mode: PutMode::Create,
        ..PutOptions::default()
    }
}

#[test]
fn an_object_is_created_once_and_read_in_parts() {
    let fake = Fake::start(World::small());
    let (runtime, store) = (runtime(), store(&fake, 0));
    let path = Path::from("data/runs/account=1/a b+c.parquet");
    runtime
        .block_on(store.put_opts(&path, "hello world".into(), create()))
        .expect("created");
    let again = runtime
        .block_on(store.put_opts(&path, "other".into(), create()))
        .unwrap_err();
    assert!(matches!(again, Error::AlreadyExists { .. }), "{again:?}");
    let read = runtime
        .block_on(async { store.get(&path).await?.bytes().await })
        .expect("read");
    assert_eq!(&read[..], b"hello world");
    assert_eq!(
        &runtime
            .block_on(store.get_range(&path, 6..11))
            .expect("read")[..],
        b"world"
    );
    assert_eq!(runtime.block_on(store.head(&path)).expect("there").size, 11);
    let missing = runtime
        .block_on(store.head(&Path::from("none")))
        .unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing:?}");
    assert_eq!(
        fake.objects().all().keys().collect::<Vec<_>>(),
        ["fleet/data/runs/account=1/a b+c.parquet"]
    );
}

#[test]
fn objects_are_listed_by_the_thousand_and_by_folder() {
    use futures::TryStreamExt;
    let fake = Fake::start(World::small());
    for no in 0..2_100 {
        fake.objects()
            .put(&format!("fleet/data/runs/{no:04}.parquet"), "x");
    }
    fake.objects().put("fleet/data/samples/1.parquet", "x");
    fake.objects().put("other/data/runs/1.parquet", "x");
    let (runtime, store) = (runtime(), store(&fake, 0));
    let listed: Vec<_> = runtime
        .block_on(store.list(Some(&Path::from("data"))).try_collect())
        .expect("listed");
    assert_eq!(
        (listed.len(), fake.calls_of("s3:ListObjectsV2")),
        (2_101, 3)
    );
    let folders = runtime
        .block_on(store.list_with_delimiter(Some(&Path::from("data"))))
        .expect("listed");
    assert_eq!(
        folders.common_prefixes,
        [Path::from("data/runs"), Path::from("data/samples")]
    );
    assert!(folders.objects.is_empty());
}

#[test]
fn nothing_is_ever_deleted() {
    let fake = Fake::start(World::small());
    fake.objects().put("fleet/a", "x");
    let (runtime, store) = (runtime(), store(&fake, 0));
    assert!(runtime.block_on(store.delete(&Path::from("a"))).is_err());
    assert_eq!(fake.objects().all().len(), 1);
    assert!(
        !fake.unexpected().is_empty(),
        "and a test can see that it was tried"
    );
}

#[test]
fn every_class_of_fault_of_s3_strikes() {
    for (name, fault) in Fault::S3_CLASSES {
        let fake = Fake::start(World::small());
        fake.objects().put("fleet/old", "0123456789");
        fake.set_faults(vec![fault.clone()]);
        let (runtime, store) = (runtime(), store(&fake, 0));
        let outcomes = [
            runtime
                .block_on(store.put_opts(&Path::from("new"), "content".into(), create()))
                .is_ok(),
            runtime
                .block_on(async { store.get(&Path::from("old")).await?.bytes().await })
                .is_ok(),
        ];
        assert!(outcomes.contains(&false), "{name}: {outcomes:?}");
        assert!(
            fake.calls()
                .iter()
                .any(|call| call.fault.as_deref() == Some(&fault.kind.name())),
            "{name}"
        );
    }
}

#[test]
fn a_store_that_asks_again_gets_past_what_passes() {
    let fake = Fake::start(World::small());
    fake.set_faults(vec![Fault::first(1, "s3:*", Kind::SlowDown)]);
    runtime()
        .block_on(store(&fake, 3).put_opts(&Path::from("new"), "content".into(), create()))
        .expect("created at last");
    assert_eq!(fake.calls_of("s3:PutObject"), 2);
}
