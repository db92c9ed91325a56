//! Persistence ports: the update journal, queue, history, ledgers and settings; a fake.
