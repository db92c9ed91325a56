//! A [`Control`] that answers what a test says and keeps what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use lodeman_domain::container::ContainerName;
use lodeman_domain::event::Progress;
use lodeman_domain::explain::Explanation;
use lodeman_domain::image::ImageReference;
use lodeman_domain::queue::QueueEntry;
use lodeman_updater::control::{
    Control, ControlError, ErrorKind, ImageCheck, Readiness, RecoveryReport, RunReport, SettingView,
    StoredHistory, UpdateSummary, Which,
};

use tokio::sync::Semaphore;

use crate::Accounts;

/// What a [`FakeControl`] answers. What is `None` is answered with an error.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// To `run`.
    pub run: Option<RunReport>,
    /// To `update`, `approve` and `rollback`.
    pub summary: Option<UpdateSummary>,
    /// To `explain`.
    pub explanations: Vec<Explanation>,
    /// To `queue`; the first is the answer to `reject` and `ignore`.
    pub queue: Vec<QueueEntry>,
    /// To `history`.
    pub history: Vec<StoredHistory>,
    /// To `check`.
    pub check: Option<ImageCheck>,
    /// To `recovery_plan` and `recover`.
    pub recovery: Option<RecoveryReport>,
    /// To `settings` and `change_settings`.
    pub settings: Vec<SettingView>,
    /// To `readiness`.
    pub readiness: Option<Readiness>,
    /// To `progress`; the stream ends after these, unless `progress_stays`.
    pub progress: Vec<Progress>,
    /// Whether the stream of progress stays open after its last note.
    pub progress_stays: bool,
    /// To everything, where it is set.
    pub error: Option<ControlError>,
}

/// Answers what it is told to, and keeps what it was asked.
#[derive(Debug, Default)]
pub struct FakeControl {
    answers: Mutex<Answers>,
    asked: Mutex<Vec<String>>,
    gate: Mutex<Option<Gate>>,
}

/// Holds an update back until it is opened.
#[derive(Debug, Clone)]
pub struct Gate {
    reached: Arc<Semaphore>,
    open: Arc<Semaphore>,
    passed: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self { reached: closed(), open: closed(), passed: closed() }
    }

    /// Waits until an update has come here.
    pub async fn reached(&self) {
        wait(&self.reached).await;
    }

    /// Lets it go on.
    pub fn open(&self) {
        self.open.add_permits(1);
    }

    /// Waits until it went on.
    pub async fn passed(&self) {
        wait(&self.passed).await;
    }

    async fn pass(&self) {
        self.reached.add_permits(1);
        wait(&self.open).await;
        self.passed.add_permits(1);
    }
}

async fn wait(semaphore: &Semaphore) {
    // It is never closed.
    if let Ok(permit) = semaphore.acquire().await {
        permit.forget();
    }
}

impl FakeControl {
    /// One that gives these answers.
    #[must_use]
    pub fn new(answers: Answers) -> Self {
        Self { answers: Mutex::new(answers), ..Self::default() }
    }

    /// Gives other answers from now on.
    pub fn answer(&self, answers: Answers) {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner) = answers;
    }

    /// Holds updates back from now on.
    pub fn hold(&self) -> Gate {
        let gate = Gate::new();
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = Some(gate.clone());
        gate
    }

    /// What was asked, in order: `approve web Revision(3) by ann`.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take<T>(&self, asked: String, answer: impl FnOnce(Answers) -> Option<T>) -> Result<T, ControlError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(error) = answers.error.clone() {
            return Err(error);
        }
        answer(answers).ok_or_else(|| ControlError::new(ErrorKind::NotFound, "the test gave no answer"))
    }
}

fn listed(names: &[ContainerName]) -> String {
    names.iter().map(ContainerName::as_str).collect::<Vec<_>>().join(",")
}

#[async_trait]
impl Control for FakeControl {
    async fn run(&self, names: Vec<ContainerName>, by: &str) -> Result<RunReport, ControlError> {
        self.take(format!("run [{}] by {by}", listed(&names)), |a| a.run)
    }

    async fn update(&self, name: ContainerName, by: &str) -> Result<UpdateSummary, ControlError> {
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = self.take(format!("update {name} by {by}"), |a| a.summary);
        if let Some(gate) = gate {
            gate.pass().await;
        }
        answer
    }

    async fn explain(&self, name: Option<ContainerName>) -> Result<Vec<Explanation>, ControlError> {
        self.take(format!("explain [{}]", listed(&Vec::from_iter(name))), |a| Some(a.explanations))
    }

    async fn queue(&self) -> Result<Vec<QueueEntry>, ControlError> {
        self.take("queue".to_owned(), |a| Some(a.queue))
    }

    async fn approve(
        &self,
        name: ContainerName,
        which: Which,
        by: &str,
    ) -> Result<UpdateSummary, ControlError> {
        self.take(format!("approve {name} {which:?} by {by}"), |a| a.summary)
    }

    async fn reject(&self, name: ContainerName, which: Which, by: &str) -> Result<QueueEntry, ControlError> {
        self.take(format!("reject {name} {which:?} by {by}"), |a| a.queue.into_iter().next())
    }

    async fn ignore(&self, name: ContainerName, which: Which, by: &str) -> Result<QueueEntry, ControlError> {
        self.take(format!("ignore {name} {which:?} by {by}"), |a| a.queue.into_iter().next())
    }

    async fn rollback(&self, name: ContainerName, by: &str) -> Result<UpdateSummary, ControlError> {
        self.take(format!("rollback {name} by {by}"), |a| a.summary)
    }

    async fn history(
        &self,
        name: Option<ContainerName>,
        before_seq: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredHistory>, ControlError> {
        let name = listed(&Vec::from_iter(name));
        self.take(format!("history [{name}] before {before_seq:?} limit {limit}"), |a| Some(a.history))
    }

    async fn check(&self, reference: ImageReference) -> Result<ImageCheck, ControlError> {
        self.take(format!("check {reference}"), |a| a.check)
    }

    async fn recovery_plan(&self) -> Result<RecoveryReport, ControlError> {
        self.take("recovery_plan".to_owned(), |a| a.recovery)
    }

    async fn recover(&self) -> Result<RecoveryReport, ControlError> {
        self.take("recover".to_owned(), |a| a.recovery)
    }

    async fn settings(&self) -> Result<Vec<SettingView>, ControlError> {
        self.take("settings".to_owned(), |a| Some(a.settings))
    }

    async fn change_settings(
        &self,
        changes: BTreeMap<String, Option<String>>,
        by: &str,
    ) -> Result<Vec<SettingView>, ControlError> {
        self.take(format!("change_settings {changes:?} by {by}"), |a| Some(a.settings))
    }

    async fn readiness(&self) -> Result<Readiness, ControlError> {
        self.take("readiness".to_owned(), |a| a.readiness)
    }

    async fn progress(&self) -> Result<BoxStream<'static, Progress>, ControlError> {
        self.take("progress".to_owned(), |a| {
            let notes = stream::iter(a.progress);
            Some(if a.progress_stays { notes.chain(stream::pending()).boxed() } else { notes.boxed() })
        })
    }
}

#[async_trait]
impl Accounts for FakeControl {
    async fn create_admin(&self, name: &str, password_hash: &str) -> Result<(), ControlError> {
        self.take(format!("create_admin {name} {password_hash}"), |_| Some(()))
    }
}
