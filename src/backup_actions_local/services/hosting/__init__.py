"""Where functions and jobs run: processes of their own or threads of this one, their devices, their world."""
