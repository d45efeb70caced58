{#- Values of many columns in one scan; names the column and counts, never the value found. -#}
{% test listed_values(model, columns) %}
{% for column, allowed in columns.items() %}
select '{{ column }}' as column_name, count(*) as n_rows
from {{ model }}
where {{ column }} not in ({% for value in allowed %}'{{ value }}'{{ ', ' if not loop.last }}{% endfor %})
having count(*) > 0
{{ 'union all' if not loop.last }}
{% endfor %}
{% endtest %}
