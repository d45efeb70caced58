{#-
  Where partitions are. Every macro here reads the environment only while a model runs: a value read
  while parsing would throw the partial parse away each month.
-#}

{%- macro warehouse_root() -%}
  {{- env_var('CLEARWARD_WAREHOUSE', 'warehouse') | replace("'", "''") if execute -}}
{%- endmacro -%}

{#- Where this run writes. Orchestration points it at a staging folder and promotes afterwards. -#}
{%- macro output_root() -%}
  {{- env_var('CLEARWARD_OUTPUT', env_var('CLEARWARD_WAREHOUSE', 'warehouse')) | replace("'", "''") if execute -}}
{%- endmacro -%}

{%- macro run_month() -%}
  {%- if execute -%}
    {%- set month = env_var('CLEARWARD_MONTH', '0000-00') -%}
    {%- if not modules.re.fullmatch('\d{4}-(0[0-9]|1[0-2])', month) -%}
      {{- exceptions.raise_compiler_error('CLEARWARD_MONTH is not a month. Expected: YYYY-MM, such as 2024-05.') -}}
    {%- endif -%}
    {{- month -}}
  {%- endif -%}
{%- endmacro -%}

{%- macro partition_location(zone, name) -%}
  {{- output_root() }}/{{ zone }}/{{ name }}/month={{ run_month() }}/part.parquet
{%- endmacro -%}

{#- Files that match any of the globs, optionally of months before this one only; [] when none. -#}
{%- macro found_files(patterns, before_month=none) -%}
  {%- set query -%}
    select file from (
      {%- for pattern in patterns %}
      select file from glob('{{ pattern }}'){{ ' union all' if not loop.last }}
      {%- endfor %}
    )
    {%- if before_month %}
    where regexp_extract(file, '/month=([0-9-]{7})/', 1) between '0000-01' and '{{ before_month }}'
      and regexp_extract(file, '/month=([0-9-]{7})/', 1) < '{{ before_month }}'
    {%- endif %}
    order by file
  {%- endset -%}
  {{- return(run_query(query).columns[0].values() | list) -}}
{%- endmacro -%}

{%- macro read_files(files) -%}
  read_parquet([
  {%- for file in files %}'{{ file | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor -%}
  ], union_by_name = true, hive_partitioning = false)
{%- endmacro -%}

{#-
  One month of a de-identified table, all hospitals. The empty `_schema` partition stands first, so
  a month in which no hospital sent this table still has its columns and types.
-#}
{%- macro this_month_of(relation) -%}
  {%- if execute -%}
    {%- set folder = warehouse_root() ~ '/deidentified/' ~ relation.identifier -%}
    {%- set files = found_files([
          folder ~ '/month=0000-00/hospital=_schema/part.parquet',
          folder ~ '/month=' ~ run_month() ~ '/hospital=*/part.parquet',
        ]) -%}
    {{- read_files(files) -}}
  {%- else -%}
    {{- relation -}}
  {%- endif -%}
{%- endmacro -%}
