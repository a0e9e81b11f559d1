//! What breaks on stage, broken on purpose: processes killed, connections cut and stalled, answers that lie.

mod live;
