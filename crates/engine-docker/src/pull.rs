//! Pulling an image.

use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::StreamExt;
use http::HeaderValue;
use lodeman_domain::image::{ImageReference, Platform};
use lodeman_engine::{EngineError, PullAuth, PullProgress, PullProgressSink};
use tokio::time::{Instant, timeout_at};

use crate::answer::clean;
use crate::stream::{Context, Streams, from_bollard, refused_in_stream};
use crate::transport::{Lane, no_answer};

const ACTION: &str = "pull an image";

impl Streams {
    pub(crate) async fn pull(
        &self,
        reference: &ImageReference,
        platform: &Platform,
        auth: Option<&PullAuth>,
        progress: &dyn PullProgressSink,
    ) -> Result<(), EngineError> {
        // Without a tag the engine would pull every tag there is.
        let version = match (reference.digest(), reference.effective_tag()) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.to_string(),
            (None, None) => lodeman_domain::image::LATEST.to_owned(),
        };
        let options = CreateImageOptionsBuilder::new()
            .from_image(reference.written_name())
            .tag(&version)
            .platform(&platform.to_string())
            .build();
        let idle = self.deadlines.pull_idle;
        let docker = self.with(Context {
            action: ACTION,
            lane: Lane::Calls,
            wait: idle,
            begun: None,
            auth: auth.map(secret_header).transpose()?,
        });
        let mut answer = docker.create_image(Some(options), None, None);
        let end = Instant::now() + self.deadlines.pull_total;
        loop {
            let limit = end.min(Instant::now() + idle);
            match timeout_at(limit, answer.next()).await {
                Ok(Some(Ok(line))) => report(line, progress)?,
                Ok(Some(Err(error))) => return Err(from_bollard(ACTION, error)),
                Ok(None) => return Ok(()),
                Err(_) if limit == end => return Err(no_answer(ACTION, self.deadlines.pull_total)),
                Err(_) => return Err(no_answer(ACTION, idle)),
            }
        }
    }
}

fn secret_header(auth: &PullAuth) -> Result<HeaderValue, EngineError> {
    let mut value = HeaderValue::from_str(&auth.header)
        .map_err(|_| EngineError::Unreachable("the registry credentials do not fit into a header".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Hands on one line, or says what the engine says went wrong.
fn report(line: CreateImageInfo, progress: &dyn PullProgressSink) -> Result<(), EngineError> {
    let CreateImageInfo { id, error_detail, status, progress_detail } = line;
    if error_detail.is_some() || (id.is_none() && status.is_none() && progress_detail.is_none()) {
        // An error in a form whose words bollard does not keep.
        return Err(refused_in_stream(ACTION, "it failed, and no more was said"));
    }
    let bytes = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
    let detail = progress_detail.unwrap_or_default();
    let status = clean(&status.unwrap_or_default());
    // The opening line carries the tag where others carry a layer.
    let is_layer = |id: &String| !id.is_empty() && !status.starts_with("Pulling from ");
    progress.progress(PullProgress {
        layer: id.filter(is_layer).map(|id| clean(&id)),
        status,
        current_bytes: bytes(detail.current),
        total_bytes: bytes(detail.total),
    });
    Ok(())
}
