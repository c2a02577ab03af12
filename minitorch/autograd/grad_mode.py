"""Whether operations are recorded: the switches are C types, their decorators stand here."""

import functools
import inspect

from minitorch._C import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]


def _decorate_generator(mode, function):
    """The mode holds while the generator's own code runs, not while its user's does."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        with mode.clone():
            generator = function(*args, **kwargs)
            try:
                item = generator.send(None)
            except StopIteration as stop:
                return stop.value
        while True:
            try:
                sent = yield item
            except GeneratorExit:
                with mode.clone():
                    generator.close()
                raise
            except BaseException as error:
                resume = functools.partial(generator.throw, error)
            else:
                resume = functools.partial(generator.send, sent)
            with mode.clone():
                try:
                    item = resume()
                except StopIteration as stop:
                    return stop.value

    return wrapper


def _decorate(mode, function):
    """function, with every call of it in the mode; called by the C types."""
    if inspect.isgeneratorfunction(function):
        return _decorate_generator(mode, function)

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        with mode.clone():
            return function(*args, **kwargs)

    return wrapper
