"""Native dumps of databases as archives: taken, proven to restore, loaded again, by the databases' own programs."""
