"""verify: one bit of a record flipped, as a disk or a transfer may."""


def test_a_record_with_a_bit_flipped_is_damaged_wherever_it_is(run_small, nb):
    """Also in the name of a metric, which the schema leaves open."""
    _, folder = run_small()
    record = folder / "record.json"
    good = record.read_bytes()
    record.chmod(0o644)
    for name in (b'"metric": "max_abs_diff"', b'"metric": "correlation"', b'"roi": "full"', b'"word": "PASS"'):
        assert good.count(name)
        record.write_bytes(good.replace(name, name[:-3] + bytes([name[-3] ^ 1]) + name[-2:], 1))
        record.chmod(0o444)
        assert nb("verify", folder).code == 6, name
        record.chmod(0o644)
    for at in range(3, len(good), 509):
        record.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        record.chmod(0o444)
        assert nb("verify", folder).code == 6, good[at - 30:at + 9]
        record.chmod(0o644)
