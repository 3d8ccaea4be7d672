"""Writes the compact price file, and costs to check a reader of it by, from the package genai-prices.

    generate.py PRICES EXPECTED LICENCE

The format is described in crates/prices/src/data.rs. What cannot be said in it stops the program.
"""

import random
import re
import shutil
import sys
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from importlib import metadata
from itertools import product

from genai_prices.data import providers
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    ConditionalPrice,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
    Usage,
)

# Rates of an answer in text, with the letter that each has in the file.
RATES = {
    'input_mtok': '',
    'output_mtok': '',
    'cache_read_mtok': 'r',
    'cache_write_mtok': 'w',
    'output_reasoning_mtok': 't',
}

# What is billed only for what nobody here asks for (searches, audio), or cannot be told apart by what providers
# report in one number (how long a cache keeps). Any other key makes the price unknown.
IGNORED = {
    'cache_audio_read_mtok',
    'cache_write_1h_mtok',
    'input_audio_mtok',
    'social_searches_kcount',
    'storage_searches_kcount',
    'web_searches_kcount',
}

# Of the regular expressions the one that is not a sequence of characters: neither `-tts` at the end nor `-tts-`.
NO_SPEECH = '^(?!.*-[tT][tT][sS](?:$|-))'

# A price in Rust has nine decimals of a dollar per million tokens.
SMALLEST = Decimal('1e-9')


def alternatives(clause):
    """The clause as alternatives of terms that hold together."""
    match clause:
        case ClauseEquals():
            return [['=' + text(clause.equals)]]
        case ClauseStartsWith():
            return [['^' + text(clause.starts_with)]]
        case ClauseEndsWith():
            return [['$' + text(clause.ends_with)]]
        case ClauseContains():
            return [['*' + text(clause.contains)]]
        case ClauseRegex(regex=regex) if regex == NO_SPEECH:
            return [['!$-tts', '!*-tts-']]
        case ClauseRegex():
            return [[term] for term in patterns(clause.regex)]
        case ClauseOr():
            return [terms for part in clause.or_ for terms in alternatives(part)]
        case ClauseAnd():
            parts = product(*(alternatives(part) for part in clause.and_))
            return [[term for terms in part for term in terms] for part in parts]
    raise SystemExit(f'no way to write the clause {clause!r}')


def text(value):
    value = value.lower()
    if not value or re.search(r'[\s&#]', value):
        raise SystemExit(f'no way to write the text {value!r}')
    return value


def patterns(regex):
    """Every pattern, with `#` for a digit, that the expression stands for."""
    if not regex.startswith('^'):
        raise SystemExit(f'no way to write the expression {regex!r}')
    whole = regex.endswith('$')
    body = regex[1:-1] if whole else regex[1:]
    return [('#' if whole else '%') + text_of for text_of in expand(body, regex)]


def expand(body, regex):
    if not body:
        return ['']
    if group := re.match(r'\(([^()|]*)\)\?', body):
        rest = expand(body[group.end() :], regex)
        return [head + tail for head in [*expand(group[1], regex), ''] for tail in rest]
    if choice := re.match(r'\[([^\]\\^]{2,3})\]', body):
        return [head + tail for head in choice[1] for tail in expand(body[choice.end() :], regex)]
    if digits := re.match(r'\\d(?:\{(\d)\})?', body):
        head, length = '#' * int(digits[1] or 1), digits.end()
    elif escaped := re.match(r'\\([.\[\]])', body):
        head, length = escaped[1], 2
    elif re.match(r'[a-z0-9/@=-]', body):
        head, length = body[0], 1
    else:
        raise SystemExit(f'no way to write {body!r} of the expression {regex!r}')
    return [head + tail for tail in expand(body[length:], regex)]


def holds(term, name):
    operator, value = term[0], term[1:]
    return {'^': name.startswith(value), '$': name.endswith(value), '*': value in name}.get(operator, False)


def own_name(model):
    """The model's own name as one more test, where a reader would doubt it: before what it contains stands a word."""
    name = model.id.lower()
    parts = [term[1:] for terms in alternatives(model.match) for term in terms if term[0] in '*$']
    heads = [name.partition(part)[0] for part in parts if part in name]
    return [['=' + text(name)]] if heads and not any(not head or head[-1] in '/.:' for head in heads) else []


def matchers(model):
    """The alternatives in one line, without those that another one covers."""
    found = []
    for terms in [*alternatives(model.match), *own_name(model)]:
        if terms not in found:
            found.append(terms)
    single = [terms[0] for terms in found if len(terms) == 1]
    covered = [
        terms
        for terms in found
        if len(terms) == 1
        and terms[0][0] == '='
        and terms not in own_name(model)
        and any(holds(term, terms[0][1:]) for term in single)
    ]
    return ' '.join('&'.join(terms) for terms in found if terms not in covered)


def rates_of(prices):
    return {key: value for key, value in prices.__dict__.items() if value is not None}


def is_known(prices):
    rates = rates_of(prices)
    known = RATES.keys() | IGNORED | {'requests_kcount'}
    return {'input_mtok', 'output_mtok'} <= rates.keys() <= known


def is_exact(prices):
    values = [
        amount
        for rate in rates_of(prices).values()
        for amount in ([rate.base, *(tier.price for tier in rate.tiers)] if isinstance(rate, TieredPrices) else [rate])
    ]
    return all(value == value.quantize(SMALLEST) for value in values)


def decimal(value):
    rounded = value.quantize(SMALLEST, rounding=ROUND_HALF_UP).normalize()
    return f'{rounded:f}'


def price(prices):
    if not is_known(prices):
        return '?'
    rates = rates_of(prices)
    tiered = {key: rate for key, rate in rates.items() if isinstance(rate, TieredPrices) and key in RATES}
    starts = sorted({tier.start for rate in tiered.values() for tier in rate.tiers})

    def at(key, start):
        rate = rates[key]
        if not isinstance(rate, TieredPrices):
            return rate
        return next((tier.price for tier in reversed(rate.tiers) if tier.start <= start), rate.base)

    def level(start):
        return [letter + decimal(at(key, start)) for key, letter in RATES.items() if key in rates]

    words = level(-1)
    if requests := rates.get('requests_kcount'):
        words.append('q' + decimal(requests / 1000))
    for start in starts:
        words += [f'>{start}', *level(start)]
    return ' '.join(words)


def conditional(model):
    return model.prices if isinstance(model.prices, list) else [ConditionalPrice(prices=model.prices)]


def condition(constraint):
    match constraint:
        case None:
            return ''
        case StartDateConstraint():
            return f'@{constraint.start_date.isoformat()} '
        case TimeOfDateConstraint():
            times = [constraint.start_time, constraint.end_time]
            if any(time.second or time.utcoffset() for time in times):
                raise SystemExit(f'no way to write the time of {constraint!r}')
            return '@' + '-'.join(time.strftime('%H:%M') for time in times) + ' '
    raise SystemExit(f'no way to write the condition {constraint!r}')


def written(version, date):
    lines = [
        '# What models cost, as the package genai-prices knows it (MIT, see LICENSE-genai-prices).',
        '# Written by `cargo xtask prices`; src/data.rs describes the format.',
        f'genai-prices {version}',
        f'taken {date}',
    ]
    for provider in sorted(providers, key=lambda provider: provider.id):
        lines.append(' '.join(['@' + provider.id, *(provider.fallback_model_providers or [])]))
        for model in provider.models:
            prices = [condition(part.constraint) + price(part.prices) for part in conditional(model)]
            lines.append('\t'.join([matchers(model), *prices]))
    return '\n'.join(lines) + '\n'


def names(model):
    """Names that the model has, and some that only look like it."""
    found = {model.id.lower()}
    for term in (term for terms in alternatives(model.match) for term in terms):
        name = term.lstrip('!')[1:].replace('########', '20251211').replace('#', '7')
        found |= {name, name.upper(), f'{name}-20251211', f'{name}-2025-12-11', f'x{name}', f'{name}-tts'}
    return sorted(found)


def times(model, date):
    """Moments around everything the model's prices depend on."""
    noon = datetime.fromisoformat(date).replace(hour=12, tzinfo=UTC)
    found = [noon, noon.replace(hour=2, minute=30), datetime(2024, 1, 1, 0, 0, tzinfo=UTC)]
    for part in conditional(model):
        if isinstance(part.constraint, StartDateConstraint):
            start = datetime.combine(part.constraint.start_date, datetime.min.time(), UTC)
            found += [start, start - timedelta(seconds=1)]
        if isinstance(part.constraint, TimeOfDateConstraint):
            for time in [part.constraint.start_time, part.constraint.end_time]:
                edge = noon.replace(hour=time.hour, minute=time.minute)
                found += [edge, edge - timedelta(seconds=1)]
    return found


def usages(chance):
    for size in [0, 7, 32000, 32001, 128000, 200000, 200001, 272001, 524289]:
        read = chance.randrange(size + 1)
        write = chance.randrange(size - read + 1)
        output = chance.randrange(10000)
        yield size, read, write, output, chance.randrange(output + 1)


def expected(date):
    """Costs in nano-dollars by the package's own calculator."""
    chance = random.Random(20261122)
    snapshot = get_snapshot()
    lines = []
    for provider in providers:
        for model in provider.models:
            for name in names(model):
                at = chance.choice(times(model, date))
                used = chance.choice(list(usages(chance)))
                billed = cost(snapshot, provider, name, at, used)
                if billed is not None:
                    fields = [provider.id, name, int(at.timestamp()), *used, billed]
                    lines.append('\t'.join(map(str, fields)))
    return '\n'.join(lines) + '\n'


def cost(snapshot, provider, name, at, used):
    """Nano-dollars, `?` where they are not to be known, or None where the file can only come close."""
    model = provider.find_model(name, all_providers=snapshot.providers)
    if model is None:
        return '?'
    prices = model.get_prices(at)
    if not is_known(prices):
        return '?'
    if not is_exact(prices):
        return None
    keys = ['input_tokens', 'cache_read_tokens', 'cache_write_tokens', 'output_tokens', 'output_reasoning_tokens']
    usage = Usage(**dict(zip(keys, used, strict=True)))
    total = model.calc_price(usage, provider, genai_request_timestamp=at).total_price
    return int((total * 10**9).to_integral_value(ROUND_CEILING))


def main():
    prices, expectations, licence = sys.argv[1:]
    date = datetime.now(UTC).date().isoformat()
    distribution = metadata.distribution('genai-prices')
    with open(prices, 'w', encoding='utf-8') as file:
        file.write(written(distribution.version, date))
    with open(expectations, 'w', encoding='utf-8') as file:
        file.write(expected(date))
    shutil.copyfile(next(file for file in distribution.files if file.name == 'LICENSE').locate(), licence)


main()
