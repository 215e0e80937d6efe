//! Container instances: the EC2 side of a cluster.

use aws_sdk_ecs::types::{self as sdk, ContainerInstance};

use super::{Snapshot, failures};
use crate::collect::call::Fault;
use crate::collect::listing::Listing;
use crate::collect::rates::Class;
use crate::collect::reckoning::Reckoning;
use crate::dataset::batch::Batch;
use crate::dataset::schema::InstanceRow;
use crate::records::Refusal;
use crate::records::fields::{code_word, is_name};
use crate::records::sdk::time;

impl Snapshot<'_> {
    /// Container instances in every state but `INACTIVE`.
    pub(super) async fn instances(&mut self) -> Result<(), Fault> {
        let mut reckoning = Reckoning::default();
        if let Err(fault) = self.described_instances(&mut reckoning).await {
            self.report.fault(fault)?;
        }
        self.report.reckon(&reckoning, "container instances");
        Ok(())
    }

    async fn described_instances(&mut self, reckoning: &mut Reckoning) -> Result<(), Fault> {
        let (place, cluster) = (self.place, self.cluster.arn.as_str());
        let ask = async |token: Option<String>| {
            let request = || {
                let request = place
                    .clients
                    .ecs
                    .list_container_instances()
                    .cluster(cluster)
                    .max_results(100);
                request.set_next_token(token.clone()).send()
            };
            let page = place
                .call(Class::EcsTasks, "ecs:ListContainerInstances", request)
                .await?;
            Ok((page.container_instance_arns, page.next_token))
        };
        let mut listing = Listing::default();
        while let Some(asked) = listing.next(ask, String::as_str).await? {
            let request = || {
                let request = place
                    .clients
                    .ecs
                    .describe_container_instances()
                    .cluster(cluster);
                request.set_container_instances(Some(asked.clone())).send()
            };
            let answer = place
                .call(Class::EcsTasks, "ecs:DescribeContainerInstances", request)
                .await?;
            let name = ContainerInstance::container_instance_arn;
            let returned = reckoning.sort(
                &asked,
                answer.container_instances,
                name,
                failures(answer.failures),
            );
            let mut batch = Batch::default();
            for instance in returned {
                batch
                    .instances
                    .extend(reckoning.accept(self.instance(&instance)));
            }
            self.send(batch).await?;
        }
        Ok(())
    }

    fn instance(&self, instance: &ContainerInstance) -> Result<InstanceRow, Refusal> {
        let attribute = |name: &str| {
            let attribute = instance
                .attributes
                .iter()
                .flatten()
                .find(|attribute| attribute.name == name);
            attribute
                .and_then(|attribute| attribute.value.clone())
                .filter(|value| is_name(value))
        };
        let resource = |name: &str| {
            let resource = instance
                .registered_resources
                .iter()
                .flatten()
                .find(|resource| resource.name.as_deref() == Some(name));
            resource.and_then(amount)
        };
        let registered = instance.registered_at.map(time);
        if registered.is_some_and(|registered| !registered.is_plausible()) {
            return Err(Refusal::Rejected("time before 2010 or after 2100"));
        }
        let id = instance.ec2_instance_id.clone().filter(|id| is_name(id));
        Ok(InstanceRow {
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            cluster: self.cluster.name.clone(),
            instance_type: attribute("ecs.instance-type"),
            availability_zone: attribute("ecs.availability-zone"),
            capacity_provider: code_word(instance.capacity_provider_name.clone()),
            cpu_units: resource("CPU"),
            memory_mib: resource("MEMORY"),
            registered_ms: registered.map(|time| time.0),
            seen_ms: self.now_ms,
            instance_id: id.ok_or(Refusal::Rejected(
                "container instance without an instance id",
            ))?,
        })
    }
}

/// CPU units and MiB are told as integers; nothing registered is not known rather than none.
fn amount(resource: &sdk::Resource) -> Option<i64> {
    Some(i64::from(resource.integer_value)).filter(|&amount| amount > 0)
}
