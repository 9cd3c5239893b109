"""The one error of this room."""


class PublishError(ValueError):
    """Nothing was published: the message is one sentence that names the file, or the fact, and the reason."""
