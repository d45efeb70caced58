{#- What is true at the end of the month, from the versions of all months. -#}

{#-
  Rows in force: of each row_key the rows of its latest month, unless that version is a deletion,
  and only for patients whose consent is in force. One source row may make several core rows (the
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
    where purpose = '{{ var("licensed_purpose") }}'
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
