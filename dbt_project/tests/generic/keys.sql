{#- Unique and not null in one scan: a test costs more to start than to run. -#}
{% test full_key(model, columns) %}
select 'null' as problem, count(*) as n_rows
from {{ model }}
where {% for column in columns %}{{ column }} is null{{ ' or ' if not loop.last }}{% endfor %}
having count(*) > 0
union all
select 'repeated' as problem, count(*) as n_rows
from (
    select {{ columns | join(', ') }}
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
)
having count(*) > 0
{% endtest %}
