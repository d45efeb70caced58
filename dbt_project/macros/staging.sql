{#- The columns that every row carries through the zones; their meaning is in docs/reference/rooms.md. -#}
{%- macro load_columns() -%}
    cast(hospital_id as varchar) as hospital_id,
    cast(month as varchar) as month,
    cast(row_key as varchar) as row_key,
    cast(patient_key as varchar) as patient_key,
    cast(op as varchar) as op,
    cast(file_id as varchar) as file_id,
    cast(source_row as bigint) as source_row
{%- endmacro -%}

{#-
  The same columns, already cast, with where the row came from. A row that its own hospital calls
  void (`void`: a condition) becomes a deletion, so that it also takes away its earlier versions.
-#}
{%- macro origin_columns(system, table, void=none) -%}
    hospital_id, month, row_key, patient_key,
    {% if void %}case when {{ void }} then 'D' else op end as op{% else %}op{% endif %},
    file_id, source_row,
    '{{ system }}' as source_system, '{{ system }}__{{ table }}' as source_table
{%- endmacro -%}
