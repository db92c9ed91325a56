//! `migrate`: bring the database to the form that this version needs.

use lodeman_config::Config;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::session::{Found, find};

pub async fn run(config: &Config, output: &mut Output) -> Result<Exit, Failure> {
    let message = match find(config).await? {
        Found::Server(server) => {
            let version = &server.server().version;
            format!(
                "A server of version {version} runs; it brought the database to its form when it started."
            )
        }
        Found::Nobody(store) => {
            store.close().await;
            let directory = config.server.data_dir.display();
            format!(
                "The database in `{directory}` has the form that version {} needs.",
                env!("CARGO_PKG_VERSION")
            )
        }
    };
    let value = serde_json::json!({ "message": message });
    output.print(&value, |_, _| format!("{message}\n"))?;
    Ok(Exit::Done)
}
