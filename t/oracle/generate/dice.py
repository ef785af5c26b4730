"""Chance, from a seed."""

import random


class Dice(random.Random):
    """Makes all random choices. `temper` says how often something odd happens. It is drawn once for each
    request, so that some requests have a single oddity, and others have many."""

    TEMPERS = (0.0, 0.01, 0.03, 0.06, 0.12, 0.3)

    def __init__(self, seed):
        super().__init__(seed)
        self.temper = self.choice(self.TEMPERS)

    def odd(self, weight=1.0):
        """Whether to do something odd here."""
        return self.random() < self.temper * weight

    def chance(self, probability):
        """True with this probability, whatever the temper."""
        return self.random() < probability

    def pick(self, usual, odd, weight=1.0):
        """One of `usual`, or now and then one of `odd`."""
        return self.choice(odd if self.odd(weight) else usual)

    def upto(self, highest):
        """A number from 0 to `highest`, small ones more often."""
        return int(self.random() * self.random() * (highest + 1))

    def cut(self, data):
        """A piece of `data`, which may be empty."""
        if not data:
            return data
        a, b = self.randrange(len(data) + 1), self.randrange(len(data) + 1)
        return data[min(a, b) : max(a, b)]
