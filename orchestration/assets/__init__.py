"""Assets by zone. A body here is a call into the domain and its result, nothing else."""
