"""MySQL and MariaDB, and Aurora that is compatible with them. The engine is in ``engine``; the rest is its parts."""
