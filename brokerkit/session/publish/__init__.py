"""What a session sends: values, frames, copies, transactions."""
