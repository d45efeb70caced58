{#- What is true at the end of the month, from the versions of all months. -#}

{#-
  Rows in force: of each row_key the rows of its latest month, unless that version is a deletion,
  and only for patients who permit what some product is licensed for.
  Who permits what one product is licensed for is said by its candidates: consented_to_all_of. One source row may make several core rows (the
  parts of an eye examination): they share row_key and month, so they live and die together.

  Only row_keys of later months are grouped, so the cost follows what arrived since the first load.
-#}
{%- macro rows_in_force(model, where='true') -%}
  with versions as (
    select * from {{ versions_of(ref(model)) }} as every_version
  ),

  first_month as (
    select min(month) as month from versions
  ),

  newest as (
    select hospital_id, row_key, max(month) as newest_month
    from versions
    where month > (select first_month.month from first_month)
    group by hospital_id, row_key
  ),

  consented as (
    select distinct hospital_id, patient_key
    from {{ ref('stg_clearward__subject') }}
    where purpose in ({{ quoted_purposes(var('product_purposes').values() | sum(start=[])) }})
  )

  select versions.*
  from versions
  inner join consented
    on versions.hospital_id = consented.hospital_id
    and versions.patient_key = consented.patient_key
  left join newest
    on versions.hospital_id = newest.hospital_id
    and versions.row_key = newest.row_key
  where versions.op <> 'D'
    and (newest.newest_month is null or newest.newest_month = versions.month)
    and ({{ where }})
{%- endmacro -%}

{#- Patients who permit every purpose of a product: a licensee may use it for each of them. -#}
{%- macro consented_to_all_of(product) -%}
  {%- set purposes = var('product_purposes')[product] | unique | list -%}
  {%- if not purposes -%}
    {{ exceptions.raise_compiler_error("product_purposes of " ~ product ~ " is empty: nobody can permit nothing") }}
  {%- endif -%}
  select patient_key
  from {{ ref('stg_clearward__subject') }}
  where purpose in ({{ quoted_purposes(purposes) }})
  group by patient_key
  having count(distinct purpose) = {{ purposes | length }}
{%- endmacro -%}

{%- macro quoted_purposes(purposes) -%}
  {%- for purpose in purposes | unique -%}'{{ purpose }}'{{ ', ' if not loop.last }}{%- endfor -%}
{%- endmacro -%}
