{#-
  What every row of a table must hold: a full key that is never null and never repeated, values of
  the closed lists, and a patient who is delivered. One query per table, because a test costs more to
  start than to run. It names the rule and counts rows, never a value found.

  Arguments: key (columns), listed (column: values allowed; null is allowed), patients (a model with
  the same `patient_key`).
-#}
{% test sound(model, key, listed={}, patients=none) %}
with counted as (
    select
        count(*) filter ({% for column in key %}{{ column }} is null{{ ' or ' if not loop.last }}{% endfor %}) as n_no_key
        {%- for column, allowed in listed.items() %},
        count(*) filter ({{ column }} not in ({% for value in allowed %}'{{ value }}'{{ ', ' if not loop.last }}{% endfor %})) as n_{{ column }}
        {%- endfor %}
    from {{ model }}
),

repeated as (
    select count(*) as n_rows
    from (select 1 from {{ model }} group by {{ key | join(', ') }} having count(*) > 1)
)

select 'key is null' as problem, n_no_key as n_rows from counted where n_no_key > 0
union all
select 'key is repeated' as problem, n_rows from repeated where n_rows > 0
{%- for column in listed %}
union all
select '{{ column }} is not of its list' as problem, n_{{ column }} as n_rows from counted where n_{{ column }} > 0
{%- endfor %}
{%- if patients %}
union all
select 'patient is not delivered' as problem, count(*) as n_rows
from {{ model }} as rows_told
anti join {{ patients }} as patients on rows_told.patient_key = patients.patient_key
where rows_told.patient_key is not null
having count(*) > 0
{%- endif %}
{% endtest %}
