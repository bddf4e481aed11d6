//! The demonstration's site, broken and mended from the command line.

use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::name::Region;
use vigilmon_proto::v1;
use vigilmon_proto::v1::demo_service_server::DemoService;

use super::auth::Caller;
use super::error;
use crate::demo::DemoSite;
use crate::engine::{Handle, Object};

/// Served only where the demonstration runs.
pub(super) struct Demo {
    pub(super) site: DemoSite,
    pub(super) engine: Handle,
}

impl Demo {
    fn region(&self, text: &str) -> Result<Option<Region>, Status> {
        if text.is_empty() {
            return Ok(None);
        }
        let region = Region::parse(text).ok();
        let directory = self.engine.directory().read();
        let known = region.filter(|region| directory.regions().contains_key(region));
        known
            .map(Some)
            .ok_or_else(|| error::not_found(Object::Region, text))
    }

    fn now(&self) -> Response<v1::DemoSite> {
        let broken = self.site.broken();
        Response::new(v1::DemoSite {
            broken_everywhere: broken.everywhere,
            broken_regions: broken.regions.iter().map(ToString::to_string).collect(),
        })
    }
}

#[async_trait]
impl DemoService for Demo {
    async fn r#break(
        &self,
        request: Request<v1::BreakDemoRequest>,
    ) -> Result<Response<v1::DemoSite>, Status> {
        Caller::editor(&request)?;
        let region = self.region(&request.into_inner().region)?;
        self.site.break_for(region);
        Ok(self.now())
    }

    async fn mend(
        &self,
        request: Request<v1::MendDemoRequest>,
    ) -> Result<Response<v1::DemoSite>, Status> {
        Caller::editor(&request)?;
        let region = self.region(&request.into_inner().region)?;
        self.site.mend_for(region.as_ref());
        Ok(self.now())
    }
}
