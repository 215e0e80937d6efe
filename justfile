# What a pull request must pass.
check:
    .ci/run

# All tests.
test:
    cargo test --release

# Import and demand beside a bare scan of the same columns; a collection at three sizes.
bench:
    cargo bench

# Renders reports/ and data/sample again.
bless:
    PLIMSOLL_BLESS=1 cargo test --release --test it the_embedded_sample
    PLIMSOLL_BLESS=1 cargo test --release --test it reports
