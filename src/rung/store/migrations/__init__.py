"""Schema changes in order; a released one is never edited. Applied by `rung.store.engine` when a store is opened."""
