{#- Each distinct acuity text of the month with its logMAR value; the table is in macros/acuity.sql. -#}
with said as (
    select value_original as raw
    from {{ ref('int_eye_exam_unpivoted') }}
    where concept = 'visual_acuity' and value_original is not null
)

select * from ({{ parse_acuity('said') }}) as parsed
