"""One room per action. Rooms do not know each other; each is found by its entry point, like a third party's."""
