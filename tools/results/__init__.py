"""What came out: results and dead letters as rows, chosen by what they say, in several forms.

Modules
    reading                 one reading of a place: `read` its results, then `letters`
    origin                  where the images and the letters of a place of results are
    filter                  which of them are wanted
    rows, columns           documents as flat rows, checked against their columns' types
    table, csv, parquet     the forms; `tools.gallery` is the page
    output                  a file that is there whole or not at all
"""
