//! Names of regions: which belong together, and which one was probably meant.

use super::book::PriceBook;

/// The partition of a region: accounts, credentials and price lists of one are strangers to the others.
pub fn partition(region: &str) -> &'static str {
    const OTHERS: [(&str, &str); 4] = [
        ("us-gov-", "aws-us-gov"),
        ("us-iso", "aws-iso"),
        ("cn-", "aws-cn"),
        ("eusc-", "aws-eusc"),
    ];
    OTHERS
        .iter()
        .find(|(start, _)| region.starts_with(start))
        .map_or("aws", |(_, partition)| partition)
}

impl PriceBook {
    /// What to say to somebody who asks for a region that the book does not know: the regions of the same partition that
    /// are spelt almost so, or all of that partition.
    pub fn instead_of(&self, region: &str) -> String {
        let partition_of = partition(region);
        let known: Vec<&str> = self
            .regions()
            .filter(|known| partition(known) == partition_of)
            .collect();
        let mut near: Vec<(usize, &str)> = known
            .iter()
            .map(|known| (strsim::levenshtein(known, region), *known))
            .filter(|(distance, _)| *distance <= 2)
            .collect();
        near.sort_unstable();
        let near: Vec<&str> = near.into_iter().take(3).map(|(_, known)| known).collect();
        if known.is_empty() {
            format!("it has no region of the partition {partition_of}")
        } else if near.is_empty() {
            format!("it has prices for {}", known.join(", "))
        } else {
            format!("did you mean {}?", near.join(" or "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_suggested_within_its_own_partition() {
        let book = PriceBook::embedded().expect("parses");
        assert_eq!(book.instead_of("us-eats-1"), "did you mean us-east-1?");
        assert_eq!(
            book.instead_of("us-gov-eats-1"),
            "did you mean us-gov-east-1?"
        );
        // Two letters from `ap-north…`, but of another partition.
        assert_eq!(
            book.instead_of("cn-northeast-1"),
            "it has no region of the partition aws-cn"
        );
        let far = book.instead_of("mars");
        assert!(far.starts_with("it has prices for af-south-1, ") && !far.contains("gov"));
        let gov = book.instead_of("us-gov-mars-9");
        assert_eq!(gov, "it has prices for us-gov-east-1, us-gov-west-1");
    }
}
