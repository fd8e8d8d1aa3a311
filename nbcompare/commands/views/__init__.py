"""What people read: one module for each kind of record that is shown."""
