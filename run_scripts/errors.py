"""The one exception that means: the user's input is wrong, and this sentence says what to do about it."""


class UserError(Exception):
    """A mistake in the arguments or the data.

    The message is one sentence: what is wrong, what was expected, what to do. `cli` prints it and exits with code 2;
    it is raised before any training starts.
    """
