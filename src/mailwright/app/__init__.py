"""Settings, wiring and the worker: the only place that names concrete doors."""
