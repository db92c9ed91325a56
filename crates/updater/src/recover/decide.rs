//! The decision table: from the durable phase and what the engine shows to what is done.
//!
//! In order: never destroy the last candidate; the shortest way to a proven running container, which
//! is the old one as long as the replacement was not started; once it was started, give it the rest of
//! its chance; after acceptance never go back by itself; where reality matches no row, change nothing.

use lodeman_domain::update::Phase;

/// What the engine shows of the old container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldState {
    /// Running or paused.
    Run,
    /// Created, exited, restarting or dead.
    Down,
    /// An inspect says that it is not there.
    Gone,
}

/// What the engine shows of the replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewState {
    /// Running or paused.
    Run,
    /// It was started and is not running.
    Down,
    /// It exists and was never started.
    NeverStarted,
    /// An inspect says that it is not there.
    Gone,
}

/// What is known when deciding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one column of the decision table")]
pub struct Facts {
    /// The old container.
    pub old: OldState,
    /// The replacement.
    pub new: NewState,
    /// The old container ran when the operation was planned.
    pub old_was_running: bool,
    /// Its configuration is not the one that was planned for.
    pub old_changed: bool,
    /// The intent to stop it is in the journal.
    pub stop_intended: bool,
    /// The intent to start the replacement is in the journal.
    pub start_intended: bool,
    /// The replacement's exit is explained by a restart of engine or machine.
    pub exit_explained: bool,
    /// It was started once more after such an exit already.
    pub restarted_before: bool,
    /// Someone else's container carries the canonical name.
    pub stranger_has_name: bool,
    /// Whether the operation, if held, was going back.
    pub going_back: bool,
    /// Whether the replacement was accepted at some time.
    pub was_committed: bool,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Remove the replacement, start the old container where asked, end as `Aborted`.
    Abort {
        /// Start the old container.
        start_old: bool,
    },
    /// Remove the replacement, leave the rest: someone else changed the container.
    External {
        /// What they did.
        what: &'static str,
    },
    /// Go back to the old container.
    RollBack {
        /// Why.
        reason: &'static str,
        /// The replacement's own end is the reason.
        image_fault: bool,
    },
    /// Judge the replacement with the rest of its budget.
    ResumeValidation,
    /// Start the replacement once more, with a fresh budget.
    RestartNew,
    /// The replacement is the only candidate: start and judge it.
    StartOnlyNew,
    /// Neither is there: make the old container anew from its recorded spec.
    RecreateOld,
    /// Accepted: go on cleaning up.
    FinishCommitted,
    /// Accepted, then taken down by a restart: start it once.
    RestartCommitted,
    /// Accepted, then it failed: keep the old container, ask a person.
    HoldCommitted,
    /// Already where it should be.
    AlreadyClean,
    /// Change nothing, ask a person.
    Hold {
        /// Why.
        reason: String,
    },
    /// Nothing to do but to wait for a person.
    StayHeld,
}

impl Action {
    /// The action as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Abort { start_old: true } => "start the old container, remove the replacement".to_owned(),
            Self::Abort { start_old: false } => "remove the replacement, the old container stays".to_owned(),
            Self::External { what } => format!("leave it: {what}"),
            Self::RollBack { reason, .. } => format!("go back to the old container: {reason}"),
            Self::ResumeValidation => "go on judging the replacement".to_owned(),
            Self::RestartNew => "start the replacement once more: a restart explains its end".to_owned(),
            Self::StartOnlyNew => "start the replacement: the old container is gone".to_owned(),
            Self::RecreateOld => "make the old container anew from its recorded settings".to_owned(),
            Self::FinishCommitted => "the update stands; go on cleaning up".to_owned(),
            Self::RestartCommitted => "the update stands; start the replacement again".to_owned(),
            Self::HoldCommitted => {
                "the accepted replacement went down; keep the old container and ask".to_owned()
            }
            Self::AlreadyClean => "the update stands and is cleaned up".to_owned(),
            Self::Hold { reason } => format!("change nothing and ask: {reason}"),
            Self::StayHeld => "wait for a person".to_owned(),
        }
    }
}

/// Chooses the row.
#[must_use]
pub fn decide(phase: Phase, facts: &Facts) -> Action {
    if facts.stranger_has_name && !matches!(phase, Phase::Committed | Phase::Cleaned) {
        return Action::Hold { reason: "another container carries the name".to_owned() };
    }
    match phase {
        Phase::Planned | Phase::Pulled | Phase::Gated => early(facts),
        Phase::Prepared => prepared(facts),
        Phase::OldStopped => stopped(facts),
        Phase::OldRenamed | Phase::NewRenamed | Phase::Armed if !facts.start_intended => exchanged(facts),
        Phase::OldRenamed | Phase::NewRenamed | Phase::Armed | Phase::Started | Phase::Validating => {
            started(facts)
        }
        Phase::Committed => committed(facts),
        Phase::RollingBack => rolling_back(facts),
        Phase::Held if facts.going_back => rolling_back(facts),
        // Held after its acceptance: once the replacement runs again, the update stands.
        Phase::Held if facts.was_committed && facts.new == NewState::Run => Action::FinishCommitted,
        Phase::Cleaned => Action::AlreadyClean,
        Phase::Held | Phase::RolledBack | Phase::Aborted | Phase::External => Action::StayHeld,
    }
}

/// Chooses the row of a restart, which has no replacement: what was stopped by it is started again.
#[must_use]
pub fn decide_restart(phase: Phase, facts: &Facts) -> Action {
    if phase.is_terminal() {
        return Action::StayHeld;
    }
    match facts.old {
        OldState::Gone => Action::External { what: "the container was removed by someone else" },
        OldState::Run => Action::Abort { start_old: false },
        OldState::Down if facts.stop_intended => Action::Abort { start_old: true },
        OldState::Down => Action::External { what: "the container was stopped by someone else" },
    }
}

fn early(facts: &Facts) -> Action {
    match facts.old {
        OldState::Gone => Action::External { what: "the container was removed by someone else" },
        _ if facts.old_changed => Action::External { what: "the container was changed by someone else" },
        // A create whose answer and record were both lost shows here as a replacement.
        _ => prepared(facts),
    }
}

fn prepared(facts: &Facts) -> Action {
    if facts.new == NewState::Run {
        return Action::Hold { reason: "the replacement was started by someone else".to_owned() };
    }
    if facts.stop_intended {
        return stopped(facts);
    }
    match facts.old {
        OldState::Down if facts.old_was_running => {
            Action::External { what: "the container was stopped by someone else" }
        }
        OldState::Run | OldState::Down => Action::Abort { start_old: false },
        OldState::Gone => Action::External { what: "the container was removed by someone else" },
    }
}

fn stopped(facts: &Facts) -> Action {
    match (facts.old, facts.new) {
        (_, NewState::Run) => {
            Action::Hold { reason: "the replacement was started by someone else".to_owned() }
        }
        (OldState::Run, _) => Action::Abort { start_old: false },
        (OldState::Down, _) => Action::Abort { start_old: true },
        (OldState::Gone, NewState::Gone) => Action::RecreateOld,
        (OldState::Gone, _) => Action::StartOnlyNew,
    }
}

fn exchanged(facts: &Facts) -> Action {
    let back =
        Action::RollBack { reason: "interrupted before the replacement was started", image_fault: false };
    match (facts.old, facts.new) {
        (OldState::Gone, NewState::Gone) => Action::RecreateOld,
        (OldState::Gone, NewState::Run) => Action::ResumeValidation,
        (OldState::Gone, _) if facts.old_was_running => Action::StartOnlyNew,
        (OldState::Gone, _) => {
            Action::Hold { reason: "the old container was removed by someone else".to_owned() }
        }
        _ => back,
    }
}

fn started(facts: &Facts) -> Action {
    let broken = |image_fault| Action::RollBack { reason: "the replacement did not stay up", image_fault };
    match (facts.old, facts.new) {
        (OldState::Run, NewState::Run) => {
            Action::RollBack { reason: "both containers were found running", image_fault: false }
        }
        (OldState::Run, _) => {
            Action::RollBack { reason: "the old container was found running", image_fault: false }
        }
        (_, NewState::Run) => Action::ResumeValidation,
        (OldState::Down, NewState::NeverStarted) => {
            Action::RollBack { reason: "interrupted before the replacement was started", image_fault: false }
        }
        (OldState::Down, NewState::Down) if facts.exit_explained && !facts.restarted_before => {
            Action::RestartNew
        }
        (OldState::Down, NewState::Down) => broken(!facts.exit_explained),
        (OldState::Down, NewState::Gone) => {
            Action::RollBack { reason: "the replacement was removed by someone else", image_fault: false }
        }
        (OldState::Gone, NewState::Down | NewState::NeverStarted) => Action::StartOnlyNew,
        (OldState::Gone, NewState::Gone) => Action::RecreateOld,
    }
}

fn committed(facts: &Facts) -> Action {
    match (facts.old, facts.new) {
        (_, NewState::Run) => Action::FinishCommitted,
        (_, NewState::Down | NewState::NeverStarted) if !facts.old_was_running => Action::FinishCommitted,
        (_, NewState::Down | NewState::NeverStarted) if facts.exit_explained => Action::RestartCommitted,
        (_, NewState::Down | NewState::NeverStarted) => Action::HoldCommitted,
        (_, NewState::Gone) => {
            Action::External { what: "the accepted replacement was removed by someone else" }
        }
    }
}

fn rolling_back(facts: &Facts) -> Action {
    match (facts.old, facts.new) {
        (OldState::Gone, NewState::Gone) => Action::RecreateOld,
        (OldState::Gone, _) => {
            Action::Hold { reason: "the old container was removed by someone else".to_owned() }
        }
        _ => Action::RollBack { reason: "going back was interrupted", image_fault: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lodeman_domain::update::Phase as P;

    fn facts(old: OldState, new: NewState) -> Facts {
        Facts {
            old,
            new,
            old_was_running: true,
            old_changed: false,
            stop_intended: false,
            start_intended: false,
            exit_explained: false,
            restarted_before: false,
            stranger_has_name: false,
            going_back: false,
            was_committed: false,
        }
    }

    const OLD: [OldState; 3] = [OldState::Run, OldState::Down, OldState::Gone];
    const NEW: [NewState; 4] = [NewState::Run, NewState::Down, NewState::NeverStarted, NewState::Gone];

    #[test]
    fn before_the_stop_the_old_container_is_left_as_it_is() {
        for phase in [P::Planned, P::Pulled, P::Gated, P::Prepared] {
            let f = facts(OldState::Run, NewState::NeverStarted);
            assert_eq!(decide(phase, &f), Action::Abort { start_old: false }, "{phase}");
            let f = facts(OldState::Gone, NewState::NeverStarted);
            assert!(matches!(decide(phase, &f), Action::External { .. }), "{phase}");
            let f = facts(OldState::Down, NewState::NeverStarted);
            assert!(matches!(decide(phase, &f), Action::External { .. }), "{phase}");
        }
    }

    #[test]
    fn an_open_stop_brings_the_old_container_back_up() {
        for phase in [P::Prepared, P::OldStopped] {
            let f = Facts { stop_intended: true, ..facts(OldState::Down, NewState::NeverStarted) };
            assert_eq!(decide(phase, &f), Action::Abort { start_old: true });
            let f = Facts { stop_intended: true, ..facts(OldState::Run, NewState::NeverStarted) };
            assert_eq!(decide(phase, &f), Action::Abort { start_old: false });
        }
    }

    #[test]
    fn before_the_start_intent_it_always_goes_back() {
        for phase in [P::OldRenamed, P::NewRenamed, P::Armed] {
            for old in [OldState::Run, OldState::Down] {
                for new in [NewState::NeverStarted, NewState::Gone] {
                    assert!(
                        matches!(decide(phase, &facts(old, new)), Action::RollBack { .. }),
                        "{phase} {old:?} {new:?}"
                    );
                }
            }
            let f = facts(OldState::Gone, NewState::NeverStarted);
            assert_eq!(decide(phase, &f), Action::StartOnlyNew);
        }
    }

    #[test]
    fn a_started_replacement_gets_the_rest_of_its_chance() {
        for phase in [P::Armed, P::Started, P::Validating] {
            let f = |old, new| Facts { start_intended: true, ..facts(old, new) };
            assert_eq!(decide(phase, &f(OldState::Down, NewState::Run)), Action::ResumeValidation);
            assert_eq!(decide(phase, &f(OldState::Gone, NewState::Run)), Action::ResumeValidation);
            let explained = Facts { exit_explained: true, ..f(OldState::Down, NewState::Down) };
            assert_eq!(decide(phase, &explained), Action::RestartNew);
            let again = Facts { restarted_before: true, ..explained };
            assert!(matches!(decide(phase, &again), Action::RollBack { image_fault: false, .. }));
            assert!(matches!(
                decide(phase, &f(OldState::Down, NewState::Down)),
                Action::RollBack { image_fault: true, .. }
            ));
            assert!(matches!(decide(phase, &f(OldState::Run, NewState::Run)), Action::RollBack { .. }));
            assert_eq!(decide(phase, &f(OldState::Gone, NewState::Gone)), Action::RecreateOld);
        }
    }

    #[test]
    fn after_acceptance_it_never_goes_back_by_itself() {
        for old in OLD {
            for new in NEW {
                for exit_explained in [false, true] {
                    let f = Facts { exit_explained, ..facts(old, new) };
                    assert!(
                        !matches!(
                            decide(P::Committed, &f),
                            Action::RollBack { .. } | Action::Abort { .. } | Action::RecreateOld
                        ),
                        "{f:?}"
                    );
                }
            }
        }
        assert_eq!(decide(P::Committed, &facts(OldState::Down, NewState::Down)), Action::HoldCommitted);
        let explained = Facts { exit_explained: true, ..facts(OldState::Down, NewState::Down) };
        assert_eq!(decide(P::Committed, &explained), Action::RestartCommitted);
    }

    #[test]
    fn a_restart_starts_what_it_stopped_and_nothing_else() {
        for phase in P::ALL.iter().filter(|p| !p.is_terminal()) {
            let f = |old| facts(old, NewState::Gone);
            assert_eq!(decide_restart(*phase, &f(OldState::Run)), Action::Abort { start_old: false });
            assert!(matches!(decide_restart(*phase, &f(OldState::Down)), Action::External { .. }));
            let stopped = Facts { stop_intended: true, ..f(OldState::Down) };
            assert_eq!(decide_restart(*phase, &stopped), Action::Abort { start_old: true });
            let gone = Facts { stop_intended: true, ..f(OldState::Gone) };
            assert!(matches!(decide_restart(*phase, &gone), Action::External { .. }));
        }
    }

    #[test]
    fn a_strangers_container_is_never_touched() {
        for phase in [P::Prepared, P::OldStopped, P::OldRenamed, P::Armed, P::Validating, P::RollingBack] {
            let f = Facts { stranger_has_name: true, ..facts(OldState::Down, NewState::NeverStarted) };
            assert!(matches!(decide(phase, &f), Action::Hold { .. }), "{phase}");
        }
    }

    #[test]
    fn where_the_old_container_is_gone_nothing_destroys_the_replacement() {
        for phase in P::ALL.iter().filter(|p| !p.is_terminal()) {
            for start_intended in [false, true] {
                let f = Facts { start_intended, stop_intended: true, ..facts(OldState::Gone, NewState::Run) };
                assert!(
                    !matches!(decide(*phase, &f), Action::RollBack { .. } | Action::Abort { .. }),
                    "{phase}: {:?}",
                    decide(*phase, &f)
                );
            }
        }
    }
}
