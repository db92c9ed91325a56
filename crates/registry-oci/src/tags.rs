//! Reading a repository's tags, page by page (OCI distribution spec, "Listing Tags").

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lodeman_domain::image::{DOCKER_HUB, Repository, Tag};
use lodeman_registry::{RegistryError, TagList};
use reqwest::header::{ETAG, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use tokio::time::Instant;

use crate::cache::Bounded;
use crate::client::refusal;
use crate::exchange::{Ask, Exchange};
use crate::headers::next_link;
use crate::metrics::{self, Kind};
use crate::transport::Answer;

/// Tags asked for in a page; more is refused by some registries.
const PAGE: usize = 1000;
/// A page that holds a multiple of this many tags, without a link, may have another behind it: servers
/// cut pages at round numbers of their own.
const ROUND: usize = 50;
/// All pages together.
const LONGEST: Duration = Duration::from_mins(5);
/// Lists that are kept for the next scan, and the longest of them.
const MOST_KEPT: usize = 256;
const LONGEST_KEPT: usize = 10_000;

/// Reads tag lists, and keeps those that a registry can confirm to be unchanged.
#[derive(Debug)]
pub(crate) struct TagLister {
    max_tags: usize,
    page_limit_bytes: usize,
    kept: Bounded<Repository, (HeaderValue, TagList)>,
}

#[derive(Deserialize)]
struct Page {
    // Written as null by some registries when there is none.
    tags: Option<Vec<String>>,
}

impl TagLister {
    pub(crate) fn new(max_tags: usize, page_limit_bytes: usize) -> Self {
        Self { max_tags, page_limit_bytes, kept: Bounded::new(MOST_KEPT) }
    }

    pub(crate) async fn list(
        &self,
        exchange: &Exchange,
        repository: &Repository,
    ) -> Result<TagList, RegistryError> {
        let malformed =
            |what: String| RegistryError::Malformed { registry: repository.registry.clone(), what };
        let begun = Instant::now();
        let bare = exchange.endpoints.url(repository, &["tags", "list"])?;
        let kept = self.kept.get(repository);
        let mut answer = self.first(exchange, repository, &bare, kept.as_ref().map(|(etag, _)| etag)).await?;
        if let (StatusCode::NOT_MODIFIED, Some((_, list))) = (answer.status, kept) {
            metrics::not_sent(Kind::Tags, "cache");
            return Ok(list);
        }
        let etag = answer.headers.get(ETAG).cloned();
        let mut url = bare.clone();
        let mut visited = HashSet::from([url.clone()]);
        let (mut tags, mut seen) = (Vec::new(), HashSet::new());
        let mut links = false;
        let truncated = loop {
            if !answer.status.is_success() {
                return Err(refusal(answer.status, repository, || "a tag list".to_owned()));
            }
            let page: Page = serde_json::from_slice(&answer.body).map_err(|error| {
                malformed(format!("the tag list does not parse at line {}", error.line()))
            })?;
            let names = page.tags.unwrap_or_default();
            let before = seen.len();
            for tag in names.iter().filter_map(|name| name.parse::<Tag>().ok()) {
                if seen.insert(tag.clone()) {
                    tags.push(tag);
                }
            }
            let next = match linked_page(&url, &answer.headers).map_err(|what| malformed(what.to_owned()))? {
                Some(next) => {
                    links = true;
                    Some(next)
                }
                // A registry that gives links gives none on its last page.
                None if links => None,
                None => page_after(&bare, &names),
            };
            // A page without anything new, or one that was read before, would go on for ever.
            let Some(next) = next.filter(|next| seen.len() > before && visited.insert(next.clone())) else {
                break tags.len() > self.max_tags;
            };
            if tags.len() >= self.max_tags || begun.elapsed() > LONGEST {
                break true;
            }
            url = next;
            answer = self.page(exchange, repository, url.clone(), None).await?;
        };
        tags.truncate(self.max_tags);
        let list = TagList { tags: Arc::from(tags), truncated };
        // A tag of the first page says nothing about the others.
        if let Some(etag) = etag
            && visited.len() == 1
            && list.tags.len() <= LONGEST_KEPT
        {
            self.kept.put(repository.clone(), (etag, list.clone()));
        }
        Ok(list)
    }

    /// The first page. Docker Hub sends all when no size is asked for; a registry that refuses ours is
    /// asked without one.
    async fn first(
        &self,
        exchange: &Exchange,
        repository: &Repository,
        bare: &Url,
        etag: Option<&HeaderValue>,
    ) -> Result<Answer, RegistryError> {
        if repository.registry != DOCKER_HUB {
            let mut sized = bare.clone();
            sized.query_pairs_mut().append_pair("n", &PAGE.to_string());
            let answer = self.page(exchange, repository, sized, etag).await?;
            if answer.status != StatusCode::BAD_REQUEST {
                return Ok(answer);
            }
        }
        self.page(exchange, repository, bare.clone(), etag).await
    }

    async fn page(
        &self,
        exchange: &Exchange,
        repository: &Repository,
        url: Url,
        etag: Option<&HeaderValue>,
    ) -> Result<Answer, RegistryError> {
        let ask = Ask {
            repository,
            kind: Kind::Tags,
            method: Method::GET,
            url,
            accept: Some("application/json"),
            if_none_match: etag.cloned(),
            what: "a page of tags",
            limit_bytes: self.page_limit_bytes,
        };
        exchange.ask(&ask).await
    }
}

/// The next page, where a link names it.
pub(crate) fn linked_page(url: &Url, headers: &HeaderMap) -> Result<Option<Url>, &'static str> {
    let Some(link) = next_link(headers) else { return Ok(None) };
    let target = url.join(&link).map_err(|_| "the link to the next page of tags is none")?;
    if target.host_str() != url.host_str() {
        return Err("the next page of tags is on another host");
    }
    // Behind a proxy, registries get their own scheme and port wrong.
    let mut next = url.clone();
    next.set_path(target.path());
    next.set_query(target.query());
    Ok(Some(next))
}

/// The page after the last tag of one that looks full.
fn page_after(bare: &Url, names: &[String]) -> Option<Url> {
    let last = names.last().filter(|_| names.len().is_multiple_of(ROUND))?;
    let mut next = bare.clone();
    next.query_pairs_mut().append_pair("n", &PAGE.to_string()).append_pair("last", last);
    Some(next)
}
