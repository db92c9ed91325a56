//! The end of what a container wrote.

use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use lodeman_domain::container::ContainerId;
use lodeman_engine::EngineError;
use tokio::time::timeout;

use crate::stream::{Context, Streams, from_bollard};
use crate::tail::Tail;
use crate::transport::{Lane, no_answer};

const ACTION: &str = "read a container's log";

impl Streams {
    pub(crate) async fn tail_logs(&self, id: &ContainerId, lines: usize) -> Result<String, EngineError> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&lines.to_string()).build();
        let within = self.deadlines.quick;
        let docker =
            self.with(Context { action: ACTION, lane: Lane::Calls, wait: within, begun: None, auth: None });
        let mut answer = docker.logs(id.as_str(), Some(options));
        let mut tail = Tail::default();
        let reading = async {
            while let Some(piece) = answer.next().await {
                tail.push(piece.map_err(|error| from_bollard(ACTION, error))?.as_ref());
            }
            Ok(())
        };
        timeout(within, reading).await.unwrap_or_else(|_| Err(no_answer(ACTION, within)))?;
        Ok(tail.into_text())
    }
}
