//! The containers of a host with the images they were made from.

use std::collections::HashMap;

use futures::stream::{self, StreamExt as _};
use lodeman_domain::digest::Digest;
use lodeman_engine::{ContainerEngine, EngineError, ImageInspect};

use crate::deps::Deps;
use crate::subject::Observed;
use crate::swap::names::parse_derived;

/// Every container of the host but those that belong to an operation of ours.
///
/// # Errors
/// When the engine cannot be asked.
pub async fn observe(deps: &Deps) -> Result<Vec<Observed>, EngineError> {
    observe_engine(&*deps.engine).await
}

/// The same, from an engine.
///
/// # Errors
/// When the engine cannot be asked.
pub async fn observe_engine(engine: &dyn ContainerEngine) -> Result<Vec<Observed>, EngineError> {
    let list = engine.list_containers().await?;
    let ids = list.into_iter().filter(|c| c.name().is_none_or(|n| parse_derived(n).is_none())).map(|c| c.id);
    let inspected: Vec<_> = stream::iter(ids)
        .map(|id| async move { engine.inspect_container(&id).await })
        .buffered(4)
        .collect()
        .await;
    let mut images: HashMap<Digest, Option<ImageInspect>> = HashMap::new();
    let mut observed = Vec::new();
    for result in inspected {
        let container = match result {
            Ok(container) => container,
            // It went away between the list and the look.
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error),
        };
        let image = match container.image_id() {
            None => None,
            Some(id) => match images.get(&id) {
                Some(known) => known.clone(),
                None => {
                    let found = find_image(engine, &id).await?;
                    images.insert(id, found.clone());
                    found
                }
            },
        };
        observed.push(Observed { container, image });
    }
    Ok(observed)
}

async fn find_image(engine: &dyn ContainerEngine, id: &Digest) -> Result<Option<ImageInspect>, EngineError> {
    match engine.inspect_image(id.as_str()).await {
        Ok(image) => Ok(Some(image)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
