//! What a statement takes from the events before it: AUTO_INCREMENT and LAST_INSERT_ID, the seeds
//! of RAND(), user variables.
//!
//! The server that replays uses each of them up in the one statement that follows, or, like a user
//! variable, has it logged again before the next statement that reads it: nothing has to be taken
//! back afterwards.

use binlog_parser::Fault;
use binlog_parser::event::intvar::IntvarEvent;
use binlog_parser::event::rand::RandEvent;
use binlog_parser::event::user_var::UserVarEvent;
use binlog_parser::header::{EventType, Family};
use binlog_parser::scan::RawEvent;

use super::session::Assignments;
use super::statement::{Place, StatementError};
use super::user_var::UserVariable;
use super::writer::Writer;
use crate::error::Result;

/// Number of the collation utf8mb3_general_ci, in which the servers keep names.
const NAMES_COLLATION: u16 = 33;

/// The context events of one statement.
#[derive(Debug, Default)]
pub(super) struct Context<'a> {
    numbers: Vec<IntvarEvent>,
    seeds: Option<RandEvent>,
    /// With the offsets of their events.
    variables: Vec<(UserVarEvent<'a>, Place)>,
}

impl<'a> Context<'a> {
    /// Reads what stands before the last of a statement's events.
    ///
    /// # Errors
    /// An event that cannot be read, with its offset and its name.
    pub fn of(events: &[RawEvent<'a>]) -> Result<Self, StatementError> {
        let mut context = Context::default();
        for event in events {
            let fault = |fault: Fault| StatementError::Fault(fault, Place::of(event));
            match event.event_type() {
                EventType::INTVAR => {
                    context.numbers.push(IntvarEvent::parse(event.body()).map_err(fault)?);
                }
                EventType::RAND => {
                    context.seeds = Some(RandEvent::parse(event.body()).map_err(fault)?);
                }
                EventType::USER_VAR => {
                    let variable = UserVarEvent::parse(event.body()).map_err(fault)?;
                    context.variables.push((variable, Place::of(event)));
                }
                _ => {}
            }
        }
        Ok(context)
    }

    fn variables<'c>(
        &'c self,
        family: Family,
    ) -> impl Iterator<Item = Result<UserVariable<'c, 'a>, (Fault, Place)>> {
        self.variables.iter().map(move |(event, place)| {
            let refused = |why| (Fault::unsupported("variable", why), *place);
            UserVariable::new(event, family).map_err(refused)
        })
    }
}

/// Why the variable of a USER_VAR event cannot be set. What cannot be read is told when it is
/// reached: it is an error of the log, not a refusal.
pub(super) fn obstacle(event: &RawEvent<'_>, family: Family) -> Option<String> {
    let variable = UserVarEvent::parse(event.body()).ok()?;
    UserVariable::new(&variable, family).err()
}

impl Writer<'_, '_> {
    /// Sets the user variables whose names are not ASCII, in a charset in which they can be read.
    /// The statement's own charset has to be entered afterwards.
    pub fn enter_wide_names(&mut self, context: &Context<'_>) -> Result<(), StatementError> {
        let family = self.session.family();
        for variable in context.variables(family) {
            let variable = variable.map_err(unset)?;
            if !variable.has_plain_name() {
                self.enter_names_charset()?;
                self.set_variable(&variable, Some(NAMES_COLLATION))?;
                self.session.forget_charset();
            }
        }
        Ok(())
    }

    /// Takes client and server to a charset in which the servers' own names can be read.
    pub fn enter_names_charset(&mut self) -> Result<()> {
        self.commit()?;
        if let Some(line) = self.charset.reset_line() {
            self.packets.line(&line)?;
        }
        self.session.forget_charset();
        self.words(
            format!(
                "SET @@SESSION.CHARACTER_SET_CLIENT={NAMES_COLLATION},\
                 @@SESSION.COLLATION_CONNECTION={NAMES_COLLATION}"
            )
            .as_bytes(),
        )
    }

    /// Sets everything else that the statement takes from its context, in the session of the
    /// statement. `readable` tells whether every name can be read in it.
    pub fn enter_context(
        &mut self,
        context: &Context<'_>,
        readable: bool,
    ) -> Result<(), StatementError> {
        let mut set = vec![];
        let mut assignments = Assignments::new(&mut set);
        for number in &context.numbers {
            assignments.integer(number.kind.name(), number.value);
        }
        if let Some(seeds) = &context.seeds {
            assignments.integer("RAND_SEED1", seeds.seed1);
            assignments.integer("RAND_SEED2", seeds.seed2);
        }
        if !set.is_empty() {
            self.words(&set)?;
        }
        let connection = self.session.connection_collation();
        let mut current = connection;
        let family = self.session.family();
        for variable in context.variables(family) {
            let variable = variable.map_err(unset)?;
            if readable || variable.has_plain_name() {
                current = self.set_variable(&variable, current)?;
            }
        }
        match connection {
            Some(connection) if current != Some(connection) => self.set_connection(connection)?,
            // Nothing is known of it, so nothing can be put back.
            None if current.is_some() => self.session.forget_charset(),
            _ => {}
        }
        Ok(())
    }

    /// Sets a variable while the connection has its collation; returns the collation that it has.
    fn set_variable(
        &mut self,
        variable: &UserVariable<'_, '_>,
        current: Option<u16>,
    ) -> Result<Option<u16>> {
        let mut text = vec![];
        variable.assign(&mut text);
        if self.packets.pending_bytes() + text.len() > self.options.usual() {
            self.packets.end()?;
        }
        let wanted = variable.collation().filter(|wanted| Some(*wanted) != current);
        if let Some(wanted) = wanted {
            self.set_connection(wanted)?;
        }
        self.words(&text)?;
        text.clear();
        variable.check(&mut text);
        if !text.is_empty() {
            if self.packets.pending_bytes() + text.len() > self.options.usual() {
                self.packets.end()?;
            }
            self.words(&text)?;
        }
        Ok(wanted.or(current))
    }

    fn set_connection(&mut self, collation: u16) -> Result<()> {
        self.words(format!("SET @@SESSION.COLLATION_CONNECTION={collation}").as_bytes())
    }
}

/// The check has refused what cannot be set; this is for what changed since.
fn unset((fault, place): (Fault, Place)) -> StatementError {
    StatementError::Fault(fault, place)
}
