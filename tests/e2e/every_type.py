"""Every column type of MariaDB and MySQL with its extreme values.

What a value must be in the lake is asked of the server, by an expression of each kind, and
never of Leat. A Column is (SQL type, kind, Iceberg type, SQL values).
"""

import collections
import datetime
import decimal
import re

Column = collections.namedtuple("Column", "type kind iceberg values")
EPOCH = datetime.datetime(1970, 1, 1)


def micros(text):
    """Microseconds since 1970 of 'YYYY-MM-DD[ hh:mm:ss[.ffffff]]'."""
    text = text if " " in text else text + " 00:00:00"
    form = "%Y-%m-%d %H:%M:%S.%f" if "." in text else "%Y-%m-%d %H:%M:%S"
    return (datetime.datetime.strptime(text, form) - EPOCH) // datetime.timedelta(microseconds=1)


def time_micros(text):
    sign, hours, minutes, seconds, fraction = re.fullmatch(
        r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?", text).groups()
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    value = whole * 1_000_000 + int((fraction or "").ljust(6, "0"))
    return -value if sign else value


def unhex(text):
    return bytes.fromhex(text)


TEXT = "CAST({c} AS CHAR)"
# A date with a zero part is null in the lake by default.
DATE = "IF(YEAR({c}) = 0 OR MONTH({c}) = 0 OR DAYOFMONTH({c}) = 0, NULL, CAST({c} AS CHAR))"
# kind: (the server's expression, its text to a value, the lake's value to the same form)
KINDS = {
    "int": (TEXT, int, int),
    "bool": ("{c} + 0", lambda v: bool(int(v)), lambda v: v),
    "bits": ("LPAD(HEX({c}), {width}, '0')", unhex, bytes),
    "decimal": (TEXT, decimal.Decimal, lambda v: v),
    "text": ("HEX(CONVERT({c} USING utf8mb4))", lambda v: unhex(v).decode(), str),
    "plain": (TEXT, str, str),
    "float": ("CAST({c} AS DOUBLE)", float, float),
    "date": (DATE, lambda v: datetime.date.fromisoformat(v), lambda v: v),
    "datetime": (DATE, micros, lambda v: v),
    "timestamp": (DATE, micros, lambda v: v),
    "time": (TEXT, time_micros, int),
    "binary": ("HEX({c})", unhex, bytes),
    "wkb": ("HEX(ST_AsWKB({c}))", unhex, bytes),
}


def integers(name, bits, iceberg, iceberg_unsigned):
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return [Column(name, "int", iceberg, [str(low), "-1", "0", str(high)]),
            Column(f"{name} UNSIGNED", "decimal" if bits == 64 else "int", iceberg_unsigned,
                   ["0", "1", str(high), str(high + 1), str(2 * high + 1)])]


NUMBERS = [
    *integers("TINYINT", 8, "int", "int"), *integers("SMALLINT", 16, "int", "int"),
    *integers("MEDIUMINT", 24, "int", "int"), *integers("INT", 32, "int", "long"),
    *integers("BIGINT", 64, "long", "decimal(20, 0)"),
    Column("INT(8) ZEROFILL", "int", "long", ["0", "42", "4294967295"]),
    Column("BOOL", "int", "int", ["0", "1", "-128"]),
    Column("BIT(1)", "bool", "boolean", ["b'0'", "b'1'"]),
    Column("BIT(7)", "bits", "binary", ["b'0'", "b'1000001'", "b'1111111'"]),
    Column("BIT(17)", "bits", "binary", ["b'1'", "b'11111111111111111'"]),
    Column("BIT(64)", "bits", "binary", ["0", "1", "18446744073709551615"]),
    Column("DECIMAL(1,0)", "decimal", "decimal(1, 0)", ["-9", "0", "9"]),
    Column("DECIMAL(10,2)", "decimal", "decimal(10, 2)", ["-99999999.99", "0.01", "-0.01"]),
    Column("DECIMAL(18,9)", "decimal", "decimal(18, 9)", ["999999999.999999999", "-1e-9"]),
    Column("DECIMAL(9,9)", "decimal", "decimal(9, 9)", ["0.999999999", "-0.000000001"]),
    Column("DECIMAL(38,10)", "decimal", "decimal(38, 10)",
           [f"{'9' * 28}.{'9' * 10}", f"-{'9' * 28}.{'9' * 10}", "0"]),
    Column("DECIMAL(38,0)", "decimal", "decimal(38, 0)", ["9" * 38, "-" + "9" * 38]),
    Column("DECIMAL(39,0)", "plain", "string", ["9" * 39, "-1", "0"]),
    Column("DECIMAL(65,30)", "plain", "string",
           [f"{'9' * 35}.{'9' * 30}", f"-{'9' * 35}.{'9' * 30}", "0", "-0.5"]),
    Column("DECIMAL(20,4) UNSIGNED", "decimal", "decimal(20, 4)", ["0", f"{'9' * 16}.9999"]),
    Column("FLOAT", "float", "float",
           ["3.402823466e38", "-3.402823466e38", "1.175494351e-38", "0.1", "-0e0", "16777217"]),
    Column("DOUBLE", "float", "double",
           ["1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308",
            "0.1", "-0e0", "9007199254740993"]),
    Column("FLOAT(10,3)", "float", "float", ["1234567.125", "-0.001"]),
    Column("DOUBLE(20,5)", "float", "double", ["12345678901234.56789", "-0.00001"]),
]
TIMES = [
    Column("DATE", "date", "date",
           ["'1000-01-01'", "'9999-12-31'", "'0000-00-00'", "'2024-00-00'", "'2024-02-29'",
            "'1969-12-31'"]),
    *[Column(f"DATETIME({n})", "datetime", "timestamp",
             ["'1000-01-01 00:00:00'", f"'9999-12-31 23:59:59.{'9' * n}'", "0",
              "'1969-12-31 23:59:59.5'", "'2024-03-31 02:30:00.123456'", "'2024-02-29 00:00:00'"])
      for n in (1, 2, 3, 4, 5, 6)],
    Column("DATETIME", "datetime", "timestamp",
           ["'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'0000-00-00 00:00:00'"]),
    *[Column(f"TIMESTAMP({n}) NULL", "timestamp", "timestamptz",
             ["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "0",
              "'2024-03-31 02:30:00.123456'", "'2024-10-27 02:30:00.5'"])
      for n in (0, 1, 3, 6)],
    *[Column(f"TIME({n})", "time", "long",
             ["'-838:59:59'", "'838:59:59'", "'-00:00:00.5'", "'24:00:01.999999'", "'00:00:00'",
              "'-10:11:12.123456'"])
      for n in (0, 1, 2, 3, 4, 5, 6)],
    Column("YEAR", "int", "int", ["1901", "2155", "'0000'", "2024"]),
]
TEXTS = [
    Column("CHAR(10)", "text", "string", ["''", "'abc'", "'ü€😀'"]),
    Column("VARCHAR(20)", "text", "string", ["''", "'trail  '", "'ü€😀漢字'", "'a\\0b'"]),
    Column("VARCHAR(400)", "text", "string", ["''", "REPEAT('€', 400)"]),
    Column("CHAR(255) CHARACTER SET utf8mb3", "text", "string", ["''", "REPEAT('漢', 255)"]),
    Column("TINYTEXT", "text", "string", ["''", "REPEAT('x', 255)"]),
    Column("TEXT", "text", "string", ["''", "REPEAT('é', 30000)"]),
    Column("MEDIUMTEXT", "text", "string", ["''", "REPEAT('y', 70000)"]),
    Column("LONGTEXT", "text", "string", ["''", "REPEAT('z', 70000)"]),
    *[Column(f"VARCHAR(20) CHARACTER SET {charset}", "text", "string", ["''", values, "'A~z'"])
      for charset, values in [
          ("latin1", "'éÿ€'"), ("latin2", "'łąž'"), ("utf8mb3", "'€漢'"), ("ucs2", "'é漢'"),
          ("utf16", "'😀漢'"), ("utf16le", "'😀漢'"), ("utf32", "'😀漢'"), ("gbk", "'漢字中文'"),
          ("gb2312", "'中文'"), ("big5", "'漢字'"), ("sjis", "'日本語ｱ'"), ("cp932", "'日本語①'"),
          ("ujis", "'日本語'"), ("eucjpms", "'日本語'"), ("euckr", "'한국어'"),
          ("cp1250", "'łąž'"), ("cp1251", "'Привет'"), ("cp1256", "'سلام'"), ("cp1257", "'ąčę'"),
          ("koi8r", "'Привет'"), ("koi8u", "'Їжак'"), ("greek", "'Ελλ'"), ("hebrew", "'שלום'"),
          ("latin5", "'ğış'"), ("latin7", "'ąčę'"), ("cp850", "'éñ'"), ("cp852", "'łąž'"),
          ("cp866", "'Привет'"), ("macroman", "'éñ'"), ("tis620", "'สวัสดี'"), ("ascii", "'az'"),
      ]],
    Column("TEXT CHARACTER SET gbk", "text", "string", ["'中文'", "REPEAT('漢', 5000)"]),
    Column("ENUM('a','b','ü','it''s')", "text", "string", ["'a'", "'ü'", "'it''s'", "0"]),
    Column("ENUM('é','ß') CHARACTER SET latin1", "text", "string", ["'é'", "'ß'"]),
    Column("ENUM(" + ",".join(f"'e{i}'" for i in range(300)) + ")", "text", "string",
           ["'e0'", "'e255'", "'e299'"]),
    Column("SET('x','y','z')", "text", "string", ["''", "'x'", "'x,z'", "'x,y,z'"]),
    Column("SET('é','ß') CHARACTER SET latin1", "text", "string", ["'é,ß'", "''"]),
    Column("SET(" + ",".join(f"'s{i}'" for i in range(64)) + ")", "text", "string",
           ["'s0'", "'s63'", "'s0,s31,s32,s63'"]),
]
BINARY = [
    Column("BINARY(5)", "binary", "binary", ["''", "'abc'", "x'0001ff0000'", "x'6162630000'"]),
    Column("VARBINARY(20)", "binary", "binary", ["''", "x'00'", "x'ff00ff'"]),
    Column("VARBINARY(300)", "binary", "binary", ["''", "REPEAT(x'00', 300)"]),
    Column("CHAR(5) CHARACTER SET binary", "binary", "binary", ["'ab'", "x'00ff'"]),
    Column("TINYBLOB", "binary", "binary", ["''", "REPEAT(x'fe', 255)"]),
    Column("BLOB", "binary", "binary", ["''", "REPEAT(x'00', 60000)"]),
    Column("MEDIUMBLOB", "binary", "binary", ["''", "x'deadbeef'"]),
    Column("LONGBLOB", "binary", "binary", ["''", "REPEAT(x'ab', 70000)"]),
    Column("GEOMETRY", "wkb", "binary", ["ST_GeomFromText('POINT(1.5 -2)')"]),
    Column("POINT", "wkb", "binary", ["ST_GeomFromText('POINT(0 0)')"]),
    Column("POLYGON", "wkb", "binary", ["ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')"]),
    Column("LINESTRING", "wkb", "binary", ["ST_GeomFromText('LINESTRING(0 0,1 1)')"]),
]
DOCUMENTS = [
    "'null'", "'true'", "'{}'", "'[]'", "'\"text ü \\\\u20ac \\\\\\\\ \\\\\" 😀\"'",
    "'[1, -1, 0, 9223372036854775807, 18446744073709551615, -9223372036854775808]'",
    "'[1.0, 1.5e300, 0.1, -0.0, 1e-7, 123456789012345678]'",
    "'{\"b\": 1, \"a\": {\"x\": [null, false, {\"y\": \"z\"}]}, \"aa\": 2, \"\": 3}'",
    "CONCAT('{\"long\": \"', REPEAT('k', 70000), '\"}')",
]
MARIADB = [
    Column("JSON", "text", "string", DOCUMENTS),
    Column("INET6", "plain", "string", ["'::'", "'2001:db8::ff00:42:8329'", "'::ffff:1.2.3.4'"]),
    Column("INET4", "plain", "string", ["'1.0.0.1'", "'255.255.255.254'"]),
    Column("UUID", "plain", "string", ["'6ccd780c-baba-1026-9564-5b8c656024db'",
                                        "'00000000-0000-0000-0000-000000000000'"]),
    Column("VARCHAR(300) COMPRESSED", "text", "string", ["''", "REPEAT('ab', 150)"]),
    Column("BLOB COMPRESSED", "binary", "binary", ["''", "REPEAT(x'00ff', 2000)"]),
]
MYSQL = [
    Column("JSON", "text", "string", [
        *DOCUMENTS, "CAST(CAST('2024-02-29 12:00:00.5' AS DATETIME(6)) AS JSON)",
        "CAST(CAST('-12:00:00.25' AS TIME(6)) AS JSON)", "CAST(CAST('2024-02-29' AS DATE) AS JSON)",
        "CAST(CAST(12345678901234567890.123456789 AS DECIMAL(40,9)) AS JSON)",
        "CAST(x'00ff10' AS JSON)", "JSON_ARRAY(18446744073709551615, 1e100, 0.1e0, 100.00)"]),
    Column("VECTOR(3)", "binary", "binary", ["TO_VECTOR('[1,2.5,-3]')"]),
    Column("GEOMETRYCOLLECTION", "wkb", "binary",
           ["ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')"]),
]


def columns(kind):
    """The table's columns by name."""
    own = MARIADB if kind == "mariadb" else MYSQL
    every = [*NUMBERS, *TIMES, *TEXTS, *BINARY, *own]
    return {f"c{i}": column for i, column in enumerate(every)}


def create(name, kind):
    body = ", ".join(f"{c} {column.type}" for c, column in columns(kind).items())
    return f"CREATE TABLE {name} (id INT PRIMARY KEY, {body}) ROW_FORMAT=DYNAMIC"


def inserts(name, kind):
    """One row of nulls, then as many rows as the longest list of values."""
    table = columns(kind)
    yield f"INSERT INTO {name} (id) VALUES (0)"
    for row in range(max(len(column.values) for column in table.values())):
        values = [column.values[row] if row < len(column.values) else "NULL"
                  for column in table.values()]
        yield f"INSERT INTO {name} VALUES ({row + 1}, {', '.join(values)})"


def width(sql_type):
    bits = re.search(r"BIT\((\d+)\)", sql_type)
    return (int(bits[1]) + 7) // 8 * 2 if bits else 0
